//! Why a demo could not go on.

use std::fmt;

/// What was being done, and what the system answered.
#[derive(Debug)]
pub struct Trouble(String);

impl Trouble {
    /// A demo that cannot go on for this reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// The answer of the last call into libc that failed, with what was being done.
    #[must_use]
    pub fn last_os(doing: &str) -> Self {
        Self(format!("{doing}: {}", std::io::Error::last_os_error()))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// Says what was being done when an error came.
pub trait During<T> {
    /// Turns the error into a [`Trouble`] that names what was being done.
    ///
    /// # Errors
    ///
    /// Whenever `self` is an error.
    fn during(self, doing: &str) -> Result<T, Trouble>;
}

impl<T, E: fmt::Display> During<T> for Result<T, E> {
    fn during(self, doing: &str) -> Result<T, Trouble> {
        self.map_err(|error| Trouble(format!("{doing}: {error}")))
    }
}
