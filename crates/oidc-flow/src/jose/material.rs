//! The numbers of a public key, and which of them are any good.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::core::CoreJsonWebKeyType;

use super::{SigningAlgorithm, key::Jwk};

type Verifiers = Vec<(SigningAlgorithm, ParsedPublicKey)>;

/// Makes of a JWK a key for each algorithm that it may be used with: the one that it names, or all of its type.
///
/// # Errors
/// Where the JWK is of an unknown type or curve, says nothing sensible, or is too weak or too large.
pub(super) fn parse(
    jwk: &Jwk,
    only: Option<SigningAlgorithm>,
) -> Result<(CoreJsonWebKeyType, Verifiers), &'static str> {
    let (kind, mut verifiers) = match jwk.kty.as_str() {
        "RSA" => (CoreJsonWebKeyType::RSA, rsa(jwk, only)?),
        "EC" => (CoreJsonWebKeyType::EllipticCurve, elliptic(jwk)?),
        "OKP" => (CoreJsonWebKeyType::OctetKeyPair, edwards(jwk)?),
        _ => return Err("of an unknown type"),
    };
    verifiers.retain(|(algorithm, _)| only.is_none_or(|only| only == *algorithm));
    if verifiers.is_empty() {
        return Err("for an algorithm of another type of key");
    }
    Ok((kind, verifiers))
}

fn rsa(jwk: &Jwk, only: Option<SigningAlgorithm>) -> Result<Verifiers, &'static str> {
    const ALGORITHMS: [(SigningAlgorithm, &RsaParameters); 6] = [
        (SigningAlgorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
        (SigningAlgorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
        (SigningAlgorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
        (SigningAlgorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
        (SigningAlgorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
        (SigningAlgorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
    ];
    let (n, e) = (integer(jwk.n.as_deref())?, integer(jwk.e.as_deref())?);
    check_rsa(&n, &e)?;
    let components = RsaPublicKeyComponents { n, e };
    ALGORITHMS
        .into_iter()
        .filter(|(algorithm, _)| only.is_none_or(|only| only == *algorithm))
        .map(|(algorithm, parameters)| match components.to_parsed_public_key(parameters) {
            Ok(key) => Ok((algorithm, key)),
            Err(_) => Err("not an RSA key"),
        })
        .collect()
}

/// RFC 7518 §3.3 wants 2048 bits; more than 8192, or a large exponent, would let a key set decide how long a verification takes.
fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), &'static str> {
    const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
    const LARGEST_EXPONENT: u64 = 1 << 32;
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return Err("without a modulus") };
    let leading_zeros = usize::try_from(first.leading_zeros()).unwrap_or(0);
    let bits = (8 * n.len()).saturating_sub(leading_zeros);
    if !BITS.contains(&bits) || last % 2 == 0 {
        return Err("too short, too long, or without an odd modulus");
    }
    let exponent = match e.len() {
        1..=5 => e.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        _ => return Err("with an exponent out of range"),
    };
    if exponent < 3 || exponent % 2 == 0 || exponent > LARGEST_EXPONENT {
        return Err("with an exponent out of range");
    }
    Ok(())
}

fn elliptic(jwk: &Jwk) -> Result<Verifiers, &'static str> {
    let (algorithm, curve, length): (_, &'static EcdsaVerificationAlgorithm, usize) = match jwk.crv.as_deref()
    {
        Some("P-256") => (SigningAlgorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED, 32),
        Some("P-384") => (SigningAlgorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED, 48),
        Some("P-521") => (SigningAlgorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED, 66),
        _ => return Err("on an unknown curve"),
    };
    let mut point = vec![4];
    for coordinate in [&jwk.x, &jwk.y] {
        let coordinate = integer(coordinate.as_deref())?;
        let missing = length.checked_sub(coordinate.len()).ok_or("with a coordinate out of range")?;
        point.extend(std::iter::repeat_n(0, missing));
        point.extend(coordinate);
    }
    // Also checks that the point is on the curve.
    let key = ParsedPublicKey::new(curve, point).map_err(|_| "not on its curve")?;
    Ok(vec![(algorithm, key)])
}

fn edwards(jwk: &Jwk) -> Result<Verifiers, &'static str> {
    if jwk.crv.as_deref() != Some("Ed25519") {
        return Err("on an unknown curve");
    }
    let point = decode(jwk.x.as_deref())?;
    let Ok(point): Result<[u8; 32], _> = point.try_into() else { return Err("not 32 bytes") };
    if is_degenerate(point) {
        return Err("of small order");
    }
    let key = ParsedPublicKey::new(&signature::ED25519, point).map_err(|_| "not an Ed25519 key")?;
    Ok(vec![(SigningAlgorithm::EdDsa, key)])
}

/// Whether a point of edwards25519 is not in its one canonical form, or has an order of at most 8, so that one signature fits
/// many messages.
fn is_degenerate(mut point: [u8; 32]) -> bool {
    // p = 2^255 - 19, little-endian.
    const P: [u8; 32] = prime_minus(0);
    // The y coordinates of the points of small order: 0 (order 4), 1 (order 1), -1 (order 2) and the two of order 8.
    const SMALL: [[u8; 32]; 5] = [
        [0; 32],
        one(),
        prime_minus(1),
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    // The highest bit is the sign of x; what is left is y.
    point[31] &= 0x7f;
    point.iter().rev().ge(P.iter().rev()) || SMALL.contains(&point)
}

const fn one() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

const fn prime_minus(less: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed - less;
    bytes[31] = 0x7f;
    bytes
}

/// A Base64urlUInt (RFC 7518 §2) without leading zeros. Some providers write them, others leave them out of coordinates.
fn integer(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let bytes = decode(text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.into_iter().skip(zeros).collect())
}

/// Base64url; some providers pad it.
fn decode(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let text = text.ok_or("without one of its numbers")?.trim_end_matches('=');
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| "with a number that is not base64url")
}

#[cfg(test)]
mod tests {
    use openidconnect::JsonWebKey;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::{Key, signing::TestKey};

    fn is_taken(jwk: &Value) -> bool {
        Key::deserialize(jwk).is_ok()
    }

    fn number(bytes: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// An odd number of so many bits.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0xa5; bits.div_ceil(8)];
        let first = bits - 8 * (bytes.len() - 1);
        bytes[0] = 1 << (first - 1);
        *bytes.last_mut().unwrap() |= 1;
        bytes
    }

    // JWK-10
    #[test]
    fn rsa_keys_are_neither_weak_nor_bombs() {
        for bits in [2048, 2049, 3072, 4096, 8191, 8192] {
            assert!(is_taken(&json!({"kty": "RSA", "n": number(&modulus(bits)), "e": "AQAB"})), "{bits}");
        }
        for bits in [1, 8, 512, 1024, 2047, 8193, 16_384, 65_536] {
            assert!(!is_taken(&json!({"kty": "RSA", "n": number(&modulus(bits)), "e": "AQAB"})), "{bits}");
        }
        let mut even = modulus(2048);
        *even.last_mut().unwrap() ^= 1;
        assert!(!is_taken(&json!({"kty": "RSA", "n": number(&even), "e": "AQAB"})));
        for n in [json!(""), json!("AA"), json!(null), json!(7), json!("not base64!")] {
            assert!(!is_taken(&json!({"kty": "RSA", "n": n, "e": "AQAB"})), "{n}");
        }
    }

    // JWK-10
    #[test]
    fn exponents_are_odd_and_small() {
        let is_taken =
            |e: &[u8]| is_taken(&json!({"kty": "RSA", "n": number(&modulus(2048)), "e": number(e)}));
        for good in [&[3][..], &[17], &[1, 0, 1], &[0, 0, 0, 0, 0, 3], &[255, 255, 255, 255]] {
            assert!(is_taken(good), "{good:?}");
        }
        for bad in [
            &[][..],
            &[0],
            &[1],
            &[2],
            &[1, 0, 0],
            &[1, 0, 0, 0, 0],
            &[1, 0, 0, 0, 1],
            &[255; 8],
            &[255; 256],
        ] {
            assert!(!is_taken(bad), "{bad:?}");
        }
    }

    #[test]
    fn leading_zeros_and_padding_do_not_change_a_key() {
        for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::Es512] {
            let signer = TestKey::shared(algorithm);
            let mut jwk = signer.jwk(None);
            for name in ["n", "e", "x", "y"] {
                if let Some(text) = jwk.get(name).and_then(Value::as_str) {
                    let bytes = [&[0, 0][..], &BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()].concat();
                    jwk[name] = base64::prelude::BASE64_URL_SAFE.encode(bytes).into();
                }
            }
            let key = Key::deserialize(jwk).unwrap();
            let signature = signer.sign(algorithm, b"message");
            assert_eq!(key.verify_signature(&algorithm, b"message", &signature), Ok(()));
        }
    }

    // JWK-10
    #[test]
    fn points_lie_on_their_curve() {
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Es384, SigningAlgorithm::Es512] {
            let jwk = TestKey::shared(algorithm).jwk(None);
            let length = BASE64_URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap().len();
            for (name, value) in [
                ("x", number(&[0])),
                ("y", number(&[1])),
                ("x", number(&vec![0xff; length])),
                ("y", number(&vec![0x01; length + 1])),
                ("y", String::new()),
                ("crv", "secp256k1".to_owned()),
                ("crv", "Ed25519".to_owned()),
                ("crv", "p-256".to_owned()),
            ] {
                let mut other = jwk.clone();
                other[name] = value.clone().into();
                assert!(!is_taken(&other), "{algorithm} {name} {value}");
            }
            let mut swapped = jwk.clone();
            swapped["crv"] = if algorithm == SigningAlgorithm::Es256 { "P-384" } else { "P-256" }.into();
            assert!(!is_taken(&swapped));
        }
        let infinity = json!({"kty": "EC", "crv": "P-256", "x": number(&[0; 32]), "y": number(&[0; 32])});
        assert!(!is_taken(&infinity));
    }

    // JWK-10, JOS-11
    #[test]
    fn points_of_small_order_are_no_keys() {
        let mut points = vec![[0; 32], one(), prime_minus(0), prime_minus(1), [0xff; 32]];
        let mut beyond = prime_minus(0);
        beyond[0] += 1;
        points.push(beyond);
        points.extend([
            *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
            *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
        ]);
        for point in points {
            for sign in [0, 0x80] {
                let mut point = point;
                point[31] |= sign;
                assert!(
                    !is_taken(&json!({"kty": "OKP", "crv": "Ed25519", "x": number(&point)})),
                    "{point:x?}"
                );
            }
        }
        let keys = || (0..32).map(|_| TestKey::new(SigningAlgorithm::EdDsa).jwk(None));
        assert!(keys().all(|jwk| is_taken(&jwk)), "about half of them have the sign bit");
        for length in [0, 31, 33, 57, 64] {
            assert!(
                !is_taken(&json!({"kty": "OKP", "crv": "Ed25519", "x": number(&vec![7; length])})),
                "{length}"
            );
        }
        for curve in ["X25519", "Ed448", "ed25519"] {
            let mut other = TestKey::shared(SigningAlgorithm::EdDsa).jwk(None);
            other["crv"] = curve.into();
            assert!(!is_taken(&other), "{curve}");
        }
    }

    // JOS-11
    #[test]
    fn signatures_that_fit_any_key_fit_none() {
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Es384, SigningAlgorithm::Es512] {
            let signer = TestKey::shared(algorithm);
            let key = Key::deserialize(signer.jwk(None)).unwrap();
            let length = signer.sign(algorithm, b"").len() / 2;
            let (zero, mut unit) = (vec![0; length], vec![0; length]);
            unit[length - 1] = 1;
            let full = vec![0xff; length];
            for (r, s) in [
                (&zero, &zero),
                (&zero, &unit),
                (&unit, &zero),
                (&full, &full),
                (&unit, &full),
                (&full, &unit),
            ] {
                assert!(
                    key.verify_signature(&algorithm, b"message", &[&r[..], &s[..]].concat()).is_err(),
                    "{algorithm}"
                );
            }
            let signature = signer.sign(algorithm, b"message");
            assert!(
                key.verify_signature(&algorithm, b"message", &der(&signature)).is_err(),
                "{algorithm} as DER"
            );
        }
        let signer = TestKey::shared(SigningAlgorithm::EdDsa);
        let key = Key::deserialize(signer.jwk(None)).unwrap();
        let signature = signer.sign(SigningAlgorithm::EdDsa, b"message");
        assert!(
            key.verify_signature(&SigningAlgorithm::EdDsa, b"message", &plus_group_order(&signature))
                .is_err()
        );
        assert!(key.verify_signature(&SigningAlgorithm::EdDsa, b"message", &[0; 64]).is_err());
    }

    /// The same ECDSA signature as `SEQUENCE { INTEGER r, INTEGER s }`.
    fn der(signature: &[u8]) -> Vec<u8> {
        let (r, s) = signature.split_at(signature.len() / 2);
        let integer = |number: &[u8]| {
            let number: Vec<u8> = [&[0], number].concat();
            [&[2, u8::try_from(number.len()).unwrap()], &number[..]].concat()
        };
        let content = [integer(r), integer(s)].concat();
        let length = u8::try_from(content.len()).unwrap();
        let head = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
        [head, content].concat()
    }

    /// The same Ed25519 signature with S + L for S: equal as a number modulo L, and not canonical (RFC 8032 §5.1.7).
    fn plus_group_order(signature: &[u8]) -> Vec<u8> {
        const L: [u8; 32] = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10";
        let mut sum = signature.to_vec();
        let mut carry = 0;
        for (byte, add) in sum[32..].iter_mut().zip(L) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = u8::try_from(carry & 0xff).unwrap();
            carry >>= 8;
        }
        sum
    }

    proptest! {
        // JOS-14
        #[test]
        fn reading_a_key_never_panics(kty in "RSA|EC|OKP|oct", crv in "P-256|P-521|Ed25519|x", numbers in prop::array::uniform4("[A-Za-z0-9_=-]{0,90}")) {
            let [n, e, x, y] = numbers;
            let _ = Key::deserialize(json!({"kty": kty, "crv": crv, "n": n, "e": e, "x": x, "y": y}));
        }
    }
}
