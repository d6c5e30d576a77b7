//! Free TCP ports on the loopback.

use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Below the range from which Linux takes the ports of outgoing connections, so that none of those gets in between.
const FIRST: u16 = 10_000;
const LAST: u16 = 31_999;

/// Where the next search begins: at random in every process, then onwards, so that no port is handed out twice.
static CURSOR: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0) >> 32));

/// The first of `n` consecutive ports that were free on 127.0.0.1 a moment ago.
///
/// Two calls in one process never overlap until the range has been used up; another process may still take a port
/// before its caller does.
pub fn free(n: u16) -> Result<u16> {
    let places = u64::from((LAST - FIRST + 1) / n.max(1));
    for _ in 0..places {
        let place = CURSOR.fetch_add(1, Ordering::Relaxed) % places;
        let base = FIRST + place as u16 * n;
        if (base..base + n).all(is_free) {
            return Ok(base);
        }
    }
    Err(Error::new(
        ErrorKind::AddrInUse,
        format!("no {n} consecutive free ports from {FIRST} to {LAST}"),
    ))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_searches_give_ports_that_do_not_overlap() -> Result<()> {
        let (one, other) = (free(9)?, free(9)?);
        assert!(9 <= one.abs_diff(other), "{one} and {other}");
        for port in (one..one + 9).chain(other..other + 9) {
            assert!((FIRST..=LAST).contains(&port));
        }
        Ok(())
    }

    #[test]
    fn a_port_in_use_is_not_free() -> Result<()> {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        assert!(!is_free(held.local_addr()?.port()));
        Ok(())
    }

    #[test]
    fn more_ports_than_there_are_is_an_error() {
        assert_eq!(free(30_000).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
