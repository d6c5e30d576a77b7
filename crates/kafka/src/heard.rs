//! What a client says while it tries to connect.

use crate::event::Kind;
use crate::resolve::Secrets;

/// The best account so far of why there is no connection.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// In one line.
    pub(crate) last: Option<String>,
    /// Whether no waiting helps.
    pub(crate) hopeless: bool,
}

impl Heard {
    /// Takes in an event of any kind.
    pub(crate) fn hear(&mut self, kind: Kind, secrets: &Secrets) {
        match kind {
            // Says less than whatever came before it.
            Kind::Error { code, .. } if code.0 == "ALL_BROKERS_DOWN" && self.last.is_some() => {}
            Kind::Error { code, text, .. } => {
                self.hopeless |= matches!(code.0, "AUTHENTICATION" | "SSL");
                self.note(&secrets.scrub(text));
            }
            Kind::Log { facility, text, .. } if facility == "FAIL" => {
                // It begins with the thread's name.
                let text = secrets.scrub(text);
                self.note(text.split_once("]: ").map_or(text.as_str(), |(_, rest)| rest));
            }
            _ => {}
        }
    }

    /// Takes in an error.
    pub(crate) fn note(&mut self, text: &str) {
        // librdkafka ends with how long it was in which state, and how often it has said so before.
        let text = text.rfind(" (after ").map_or(text, |end| &text[..end]);
        let mut text = text.replace(['\n', '\r'], " ");
        if text.ends_with("receive 0 after POLLIN") {
            // A broker that hangs up without a word mostly expected another protocol.
            text.push_str("; does security.protocol fit this listener?");
        }
        self.last = Some(text);
    }
}

#[cfg(test)]
mod tests {
    use tribunal_engine::producer::ErrorCode;

    use super::*;

    #[test]
    fn the_reason_is_kept_and_its_trimmings_are_not() {
        let mut heard = Heard::default();
        let secrets = Secrets::default();
        let error = |code, text: &str| Kind::Error {
            code: ErrorCode(code),
            text: text.into(),
            fatal: false,
        };
        heard.hear(error("ALL_BROKERS_DOWN", "1/1 brokers are down"), &secrets);
        assert_eq!(heard.last.as_deref(), Some("1/1 brokers are down"));
        let text =
            "[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected (after 10ms in state APIVERSION_QUERY, 2 identical)";
        heard.hear(
            Kind::Log {
                level: 6,
                facility: "FAIL".into(),
                text: text.into(),
            },
            &secrets,
        );
        heard.hear(error("ALL_BROKERS_DOWN", "1/1 brokers are down"), &secrets);
        assert_eq!(heard.last.as_deref(), Some("a:1/bootstrap: Disconnected"));
        assert!(!heard.hopeless);
        heard.hear(error("AUTHENTICATION", "invalid credentials"), &secrets);
        assert!(heard.hopeless);
    }
}
