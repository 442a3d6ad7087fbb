//! The directory of the logins, and what is done in it.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    time::{Duration, SystemTime},
};

use oidc_core::{
    KeyId, StoreError, StoreErrorKind,
    store::{Record, WriteId},
};
use rustix::{
    fd::OwnedFd,
    fs::{
        AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, fsync, mkdirat,
        openat, renameat, unlinkat,
    },
    io::Errno,
    process::geteuid,
};
use zeroize::Zeroizing;

use super::{
    fault::{insecure, system},
    lock::{FileLock, stripe},
    names,
    step::{Step, Steps},
};
use crate::envelope::{Envelope, Moment};

/// An open directory. All files are reached from it, so that it cannot be exchanged.
pub(super) struct Directory {
    handle: OwnedFd,
    /// The boot of the machine, during which its boot clock means something.
    era: WriteId,
    pub(super) steps: Steps,
}

impl Directory {
    /// Opens the directory, or makes it.
    pub(super) fn open(path: &Path, any_file_system: bool) -> Result<Self, StoreError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name =
            path.file_name().ok_or_else(|| insecure("the path does not end with the name of a directory"))?;
        let parent = openat(CWD, parent, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty())
            .map_err(|error| system("opening the parent directory", error))?;
        check_parent(&status(&parent)?)?;
        match mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) => {
                fsync(&parent).map_err(|error| system("writing the parent directory to the disk", error))?;
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(system("making the directory", error)),
        }
        let handle = openat(&parent, name, DIRECTORY, Mode::empty())
            .map_err(|error| system("opening the directory", error))?;
        check_own(&status(&handle)?, Mode::RWXU)?;
        if !any_file_system {
            network::refuse(&handle)?;
        }
        Ok(Self { handle, era: boot(), steps: Steps::default() })
    }

    /// The time during which deadlines mean something.
    pub(super) fn era(&self) -> WriteId {
        self.era
    }

    /// The record in the bytes of a file.
    pub(super) fn record(&self, key: &KeyId, bytes: &[u8], now: Moment) -> Result<Record, StoreError> {
        let envelope = Envelope::open(key, bytes)?;
        let is_of_this_boot = envelope.era == self.era && self.era != WriteId::NIL;
        Ok(if is_of_this_boot { envelope.record } else { envelope.inherited(now) })
    }

    /// The bytes of a login's file.
    pub(super) fn read(&self, key: &KeyId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.steps.at(Step::Read).map_err(|error| system("reading a record", error))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.handle, names::record(key), flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(system("opening a record", error)),
        };
        let status = status(&file)?;
        check_file(&status)?;
        let size = usize::try_from(status.st_size).unwrap_or(0);
        if size > LARGEST {
            return Err(StoreError::new(StoreErrorKind::Corrupt));
        }
        // One allocation of the right size, because one that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
        let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        let read = File::from(file).take(limit).read_to_end(&mut bytes);
        read.map_err(|error| StoreError::new(StoreErrorKind::Unavailable).with_source(error))?;
        Ok(Some(bytes))
    }

    /// Puts a new file in place of a login's: there is the old one or the new one at any moment.
    pub(super) fn write(&self, key: &KeyId, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() > LARGEST {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        let temporary = names::temporary(key, &unique());
        let written = self.write_new(&temporary, bytes).and_then(|()| {
            self.steps
                .at(Step::Rename)
                .and_then(|()| renameat(&self.handle, &temporary, &self.handle, names::record(key)))
                .map_err(|error| system("renaming a new file", error))
        });
        if let Err(error) = written {
            let _ = unlinkat(&self.handle, &temporary, AtFlags::empty());
            return Err(error);
        }
        self.settle()
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = self
            .steps
            .at(Step::Create)
            .and_then(|()| openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR))
            .map_err(|error| system("making a new file", error))?;
        let mut file = File::from(file);
        self.steps.at(Step::Write).map_err(|error| system("writing a new file", error))?;
        file.write_all(bytes).map_err(|error| {
            system("writing a new file", Errno::from_io_error(&error).unwrap_or(Errno::IO))
        })?;
        self.steps
            .at(Step::Sync)
            .and_then(|()| fsync(&file))
            .map_err(|error| system("writing a new file to the disk", error))
    }

    /// Has the names written to the disk.
    fn settle(&self) -> Result<(), StoreError> {
        self.steps
            .at(Step::Settle)
            .and_then(|()| fsync(&self.handle))
            .map_err(|error| system("writing the directory to the disk", error))
    }

    /// Deletes a login's file.
    pub(super) fn delete(&self, key: &KeyId) -> Result<(), StoreError> {
        unlinkat(&self.handle, names::record(key), AtFlags::empty())
            .map_err(|error| system("deleting a record", error))?;
        self.settle()
    }

    /// Gives a login's file another name.
    pub(super) fn set_aside(&self, key: &KeyId) -> Result<(), StoreError> {
        renameat(&self.handle, names::record(key), &self.handle, names::damaged(key, &unique()))
            .map_err(|error| system("renaming a damaged record", error))?;
        self.settle()
    }

    /// Takes the lock for changes of `key`; nothing where another process has it.
    pub(super) fn lock(&self, key: &KeyId) -> Result<Option<FileLock>, StoreError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.handle, names::lock(stripe(key)), flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| system("opening a lock file", error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(None),
            Err(error) => return Err(system("locking", error)),
        }
        let status = status(&file)?;
        check_file(&status)?;
        // Somebody deleted it meanwhile: others lock another one by now.
        Ok((status.st_nlink == 1).then_some(FileLock(file)))
    }

    /// The logins whose files were written more than `age` ago.
    pub(super) fn older_than(&self, now: SystemTime, age: Duration) -> Result<Vec<KeyId>, StoreError> {
        let mut keys = Vec::new();
        self.for_each_older(now, age, |name| keys.extend(names::key_of(name)))?;
        Ok(keys)
    }

    /// Deletes what writers left that were killed. What cannot be deleted is tried again by the next process.
    pub(super) fn sweep(&self, now: SystemTime) {
        let _ = self.for_each_older(now, LEFT_BEHIND, |name| {
            if names::is_temporary(name) {
                let _ = unlinkat(&self.handle, name, AtFlags::empty());
            }
        });
    }

    fn for_each_older(
        &self,
        now: SystemTime,
        age: Duration,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), StoreError> {
        let unread = |error| system("reading the directory", error);
        for entry in Dir::read_from(&self.handle).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let Ok(status) = rustix::fs::statat(&self.handle, entry.file_name(), flags) else { continue };
            let seconds = u64::try_from(status.st_mtime).unwrap_or(0);
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            if now.duration_since(written).is_ok_and(|since| since >= age) {
                each(entry.file_name().to_bytes());
            }
        }
        Ok(())
    }
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// No login is larger; whatever is, is not ours.
const LARGEST: usize = 8 * 1024 * 1024;

/// No write takes so long.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

fn status(file: &OwnedFd) -> Result<Stat, StoreError> {
    fstat(file).map_err(|error| system("looking at a file", error))
}

/// Whoever may write to the parent can put another directory in the place of ours, unless the parent is sticky.
fn check_parent(status: &Stat) -> Result<(), StoreError> {
    let mode = Mode::from_raw_mode(status.st_mode);
    let is_open = mode.intersects(Mode::WGRP | Mode::WOTH) && !mode.contains(Mode::SVTX);
    let owner = status.st_uid;
    if is_open || (owner != geteuid().as_raw() && owner != 0) {
        return Err(insecure("others can replace the directory: its parent is open to them"));
    }
    Ok(())
}

/// A file without a name was replaced since it was opened, which is as good as having read it a moment earlier.
fn check_file(status: &Stat) -> Result<(), StoreError> {
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile || status.st_nlink > 1 {
        return Err(insecure("a file in the directory is no plain file, or has a second name"));
    }
    check_own(status, Mode::RUSR | Mode::WUSR)
}

fn check_own(status: &Stat, most: Mode) -> Result<(), StoreError> {
    let all = Mode::RWXU | Mode::RWXG | Mode::RWXO;
    if status.st_uid != geteuid().as_raw() {
        return Err(insecure("the directory, or a file in it, belongs to another user"));
    }
    if (Mode::from_raw_mode(status.st_mode) & all).intersects(!most) {
        return Err(insecure("the directory, or a file in it, is open to others"));
    }
    Ok(())
}

fn unique() -> String {
    WriteId::random().0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which boot of the machine it is; unknown where the system does not say, and then every start of a process counts as one.
fn boot() -> WriteId {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&hex, 16).map_or(WriteId::NIL, |number| WriteId(number.to_be_bytes()))
}

#[cfg(target_os = "linux")]
mod network {
    use oidc_core::{StoreError, StoreErrorKind};
    use rustix::{fd::OwnedFd, fs::fstatfs};

    /// NFS, SMB (three numbers), AFS, 9P.
    const KINDS: [u64; 6] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f, 0x0102_1997];

    pub(super) fn refuse(directory: &OwnedFd) -> Result<(), StoreError> {
        let kind = fstatfs(directory).map_or(0, |status| status.f_type);
        // The kernel's numbers have 32 bits, whatever the type of the field.
        if KINDS.contains(&(u64::try_from(kind).unwrap_or(0) & 0xffff_ffff)) {
            let reason =
                "the directory is on a file system of the network, whose locks may not reach other machines";
            return Err(StoreError::new(StoreErrorKind::Insecure).with_source(reason));
        }
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod network {
    use oidc_core::StoreError;
    use rustix::fd::OwnedFd;

    /// Only Linux is asked.
    pub(super) fn refuse(_: &OwnedFd) -> Result<(), StoreError> {
        Ok(())
    }
}
