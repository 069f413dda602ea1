//! How is an error told? With everything that led to it, in one line.

use core::error::Error;
use core::fmt;

/// An error and its causes, the nearest first, with `: ` between.
pub(crate) struct Chain<'e>(pub(crate) &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_what_led_to_it() {
        let source = std::io::Error::other("disk full");
        let error = crate::net::WatchError::Open(source);
        assert_eq!(Chain(&error).to_string(), "the netlink socket cannot be opened: disk full");
    }
}
