//! Empty: the package is its test.
