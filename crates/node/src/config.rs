//! `config.toml`, overridden by `NOCTURNE_*`, overridden by flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nocturne_net::iroh::Relay;
use serde::Deserialize;

/// A settings file is a page, not a book.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// What the operator has set, with defaults for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the daemon listens.
    pub listen: SocketAddr,
    /// Which relay helps where no direct path is found.
    pub relay: Relay,
    /// Whether to announce this node in the local network and look for others there.
    pub discovery: bool,
    /// No gossip; peers are asked on start and then rarely.
    pub low_power: bool,
    /// How often every connected peer is compared with, in the mean.
    pub sync_interval: Duration,
    /// How far ahead of this clock an entry may be before it is held back.
    pub max_drift: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 0)),
            relay: Relay::Public,
            discovery: true,
            low_power: false,
            sync_interval: Duration::from_secs(30),
            max_drift: nocturne_core::limits::DEFAULT_MAX_DRIFT,
        }
    }
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file does not parse, or has a key that means nothing.
    #[error("{}, line {line}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says, in one line.
        reason: Box<str>,
    },
    /// A value of an environment variable.
    #[error("{name} is `{value}`, expected {expected}")]
    Variable {
        /// Which variable.
        name: &'static str,
        /// What it holds.
        value: Box<str>,
        /// What it should hold.
        expected: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    listen: Option<SocketAddr>,
    relay: Option<String>,
    discovery: Option<bool>,
    low_power: Option<bool>,
    sync_interval: Option<Span>,
    max_drift: Option<Span>,
}

struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = humantime::parse_duration(&text).map_err(|_| {
            serde::de::Error::custom(format_args!("`{text}` is no duration such as \"30s\""))
        })?;
        Ok(Span(span))
    }
}

impl Config {
    /// Reads the file's text (`None` when there is no file) and the environment.
    pub fn resolve(
        path: &Path,
        text: Option<&str>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let form = match text {
            None => Form {
                listen: None,
                relay: None,
                discovery: None,
                low_power: None,
                sync_interval: None,
                max_drift: None,
            },
            Some(text) => toml::from_str(text).map_err(|error| ConfigError::File {
                path: path.to_owned(),
                line: error.span().map_or(1, |span| line_of(text, span.start)),
                reason: error
                    .message()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .into(),
            })?,
        };
        let defaults = Self::default();
        let parse_span = |text: &str| humantime::parse_duration(text).ok();
        Ok(Self {
            listen: variable(&env, "NOCTURNE_LISTEN", "IP:PORT", |text| text.parse().ok())?
                .or(form.listen)
                .unwrap_or(defaults.listen),
            relay: variable(&env, "NOCTURNE_RELAY", "off, public or a URL", |text| {
                Some(text.to_owned())
            })?
            .or(form.relay)
            .map_or(defaults.relay, |text| parse_relay(&text)),
            discovery: variable(&env, "NOCTURNE_DISCOVERY", "true or false", parse_bool)?
                .or(form.discovery)
                .unwrap_or(defaults.discovery),
            low_power: variable(&env, "NOCTURNE_LOW_POWER", "true or false", parse_bool)?
                .or(form.low_power)
                .unwrap_or(defaults.low_power),
            sync_interval: variable(
                &env,
                "NOCTURNE_SYNC_INTERVAL",
                "a duration such as 30s",
                parse_span,
            )?
            .or(form.sync_interval.map(|span| span.0))
            .unwrap_or(defaults.sync_interval),
            max_drift: variable(
                &env,
                "NOCTURNE_MAX_DRIFT",
                "a duration such as 1h",
                parse_span,
            )?
            .or(form.max_drift.map(|span| span.0))
            .unwrap_or(defaults.max_drift),
        })
    }
}

fn variable<T>(
    env: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    match env(name) {
        None => Ok(None),
        Some(value) => match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(ConfigError::Variable {
                name,
                value: value.into(),
                expected,
            }),
        },
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn parse_relay(text: &str) -> Relay {
    match text {
        "off" => Relay::Off,
        "public" => Relay::Public,
        url => Relay::Url(url.to_owned()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: Option<&str>, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::resolve(Path::new("config.toml"), text, |name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        assert_eq!(resolve(None, &[]), Ok(Config::default()));
        assert_eq!(resolve(Some(""), &[]), Ok(Config::default()));
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let text = "relay = \"off\"\nsync_interval = \"5s\"\nlisten = \"127.0.0.1:1\"\n";
        let config = resolve(Some(text), &[("NOCTURNE_SYNC_INTERVAL", "7s")]).unwrap();
        assert_eq!(config.relay, Relay::Off);
        assert_eq!(config.sync_interval, Duration::from_secs(7));
        assert_eq!(config.listen, "127.0.0.1:1".parse().unwrap());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        match resolve(Some("low_power = true\n\nrelais = true\n"), &[]) {
            Err(ConfigError::File {
                line: 3, reason, ..
            }) => assert!(reason.contains("relais"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bad_value_is_named() {
        assert!(matches!(
            resolve(Some("sync_interval = \"often\""), &[]),
            Err(ConfigError::File { line: 1, .. })
        ));
        assert!(matches!(
            resolve(None, &[("NOCTURNE_LISTEN", "here")]),
            Err(ConfigError::Variable {
                name: "NOCTURNE_LISTEN",
                ..
            })
        ));
    }
}
