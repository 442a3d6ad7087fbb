//! Reading a response body that may be too long.

use std::pin::pin;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use oidc_core::{BodyLimit, TransportError, TransportErrorKind};

/// Reads the whole body, and stops as soon as it is known to be longer than `limit`. `broken` says what an
/// error of the body means.
pub(crate) async fn collect<B: Body>(
    response: Response<B>,
    limit: BodyLimit,
    broken: impl Fn(B::Error) -> TransportError,
) -> Result<Response<Bytes>, TransportError> {
    let (head, body) = response.into_parts();
    let BodyLimit(limit) = limit;
    let too_large = || TransportError::maybe_sent(TransportErrorKind::TooLarge);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large());
    }
    let mut body = pin!(body);
    let mut bytes = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(&broken)?.into_data() else { continue };
        if data.remaining() > limit.saturating_sub(bytes.len()) {
            return Err(too_large());
        }
        bytes.put(data);
    }
    Ok(Response::from_parts(head, bytes.freeze()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{Full, StreamBody, combinators::BoxBody};

    use super::*;

    fn chunks(body: &'static [u8], size: usize) -> BoxBody<Bytes, Infallible> {
        let frames = body.chunks(size).map(|chunk| Ok(http_body::Frame::data(Bytes::from_static(chunk))));
        BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)))
    }

    async fn read<B>(body: B, limit: usize) -> Result<Bytes, TransportErrorKind>
    where
        B: Body<Error = Infallible>,
    {
        let read = collect(Response::new(body), BodyLimit(limit), |never| match never {}).await;
        read.map(Response::into_body).map_err(|error| error.kind())
    }

    // DIS-10
    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        for size in [1, 2, 5, 10] {
            assert_eq!(read(chunks(b"0123456789", size), 10).await, Ok(Bytes::from_static(b"0123456789")));
            assert_eq!(read(chunks(b"0123456789", size), 9).await, Err(TransportErrorKind::TooLarge));
        }
        assert_eq!(read(chunks(b"", 1), 0).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_not_read() {
        struct Liar;
        impl Body for Liar {
            type Data = Bytes;
            type Error = Infallible;

            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
                panic!("nobody should ask");
            }

            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(u64::MAX)
            }
        }
        assert_eq!(read(Liar, 1_000).await, Err(TransportErrorKind::TooLarge));
        assert_eq!(read(Full::new(Bytes::from_static(b"ab")), 1).await, Err(TransportErrorKind::TooLarge));
    }
}
