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
