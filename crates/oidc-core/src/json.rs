//! JSON with secrets in it.

use std::io;

use serde::Serialize;

/// The JSON of `value`, in one buffer of exactly its length: one that grows would leave what it held in places that nobody wipes.
///
/// # Errors
/// Those of the value: where it has no form in JSON.
pub(crate) fn to_bytes(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut bytes = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut bytes, value)?;
    Ok(bytes)
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // LEA-10, LEA-11
    #[test]
    fn the_buffer_is_as_long_as_its_content_and_never_grew() {
        for value in [vec![], vec!["short"], vec!["\u{1F511}\"\n"; 500]] {
            let bytes = to_bytes(&value).unwrap();
            assert_eq!(bytes, serde_json::to_vec(&value).unwrap());
            assert_eq!(bytes.capacity(), bytes.len());
        }
    }
}
