//! Where a broker's metrics are read: an address of Prometheus' text format.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::units;

/// An address such as `http://b1:9404/metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsAddress {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    host: String,
    port: u16,
    /// With the slash that it begins with.
    path: String,
}

/// A text that is no address of metrics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no address of metrics; expected \"http://HOST:PORT/metrics\"")]
pub struct InvalidMetricsAddress {
    /// The text in quotes.
    text: String,
}

impl MetricsAddress {
    /// Who is connected to: `HOST:PORT`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What is asked for there.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for MetricsAddress {
    type Err = InvalidMetricsAddress;

    fn from_str(text: &str) -> Result<Self, InvalidMetricsAddress> {
        read(text.trim()).ok_or_else(|| InvalidMetricsAddress {
            text: units::quoted(text),
        })
    }
}

fn read(text: &str) -> Option<MetricsAddress> {
    let rest = text.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.rsplit_once(':')?;
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let legal = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(name),
    };
    if !legal {
        return None;
    }
    let digits = !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit());
    let port: u16 = port.parse().ok().filter(|port| digits && *port != 0)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%?".contains(c);
    if !path.chars().all(legal) {
        return None;
    }
    let path = if path.is_empty() { "/metrics" } else { path }.to_owned();
    Some(MetricsAddress {
        host: host.to_owned(),
        port,
        path,
    })
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_is_told() {
        for text in [
            "http://b1:9404/metrics",
            "http://10.0.0.1:1/",
            "http://[::1]:65535/a/b?name=x",
        ] {
            let address: MetricsAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let address: MetricsAddress = "http://broker-1.example:9404".parse().unwrap();
        assert_eq!(
            (address.authority().as_str(), address.path()),
            ("broker-1.example:9404", "/metrics")
        );
    }

    #[test]
    fn what_is_no_address_is_told_with_what_to_write() {
        for text in [
            "",
            "b1:9404",
            "https://b1:9404/metrics",
            "http://b1/metrics",
            "http://:9404/metrics",
            "http://b1:0/metrics",
            "http://b1:+80/metrics",
            "http://b1:65536/metrics",
            "http://user:secret@b1:9404/metrics",
            "http://b 1:9404/metrics",
            "http://[::1:9404/metrics",
            "http://b1:9404/met rics",
            "http://b1:9404/metrics#part",
        ] {
            let error = text.parse::<MetricsAddress>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("{text:?} is no address of metrics; expected \"http://HOST:PORT/metrics\"")
            );
        }
    }
}
