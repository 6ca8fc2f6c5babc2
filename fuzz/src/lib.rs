//! Functions that take any bytes and panic where mcp-litmus is wrong about them. `ci/fuzz` drives them for a while;
//! the tests below them run each on a few inputs.

pub mod exchange;
pub mod frame;
pub mod http_answer;
pub mod matcher;
pub mod scenario;
pub mod smith;
pub mod sse;

/// Pieces of bytes, as long as the first bytes say, so that a stream is cut in places that differ from input to input.
fn cut(bytes: &[u8]) -> (usize, &[u8]) {
    bytes.split_first().map_or((1, bytes), |(size, rest)| (usize::from(*size).max(1), rest))
}

/// Inputs for the tests: nothing, text of each sort, and bytes that look random.
#[cfg(test)]
fn samples() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 8] = [
        b"",
        b"\x03{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n{}\r\n",
        b"\x02event: message\nid: 1\nretry: 5\ndata: {}\ndata\n\n\xef\xbb\xbf:\r\r",
        b"\x05HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"\x07HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabcHTTP",
        b"title: x\nsteps:\n  - request: {method: ping}\n  - alive: {proves: house.survives}\n",
        b"{\"a\":[1,{\"b\":null}]}\n{\"a\":[1,{\"b\":null,\"c\":2.5}]}",
        b"--- message\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n--- http [\"POST\",[\"Accept\",null]]\n{}\n",
    ];
    let mut samples: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for length in 0..200 {
        let bytes = std::iter::from_fn(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(state.to_le_bytes()[3])
        });
        samples.push(bytes.take(length).collect());
    }
    samples
}
