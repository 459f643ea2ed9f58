// Package integration tests the parts together: what the compiler writes, run by every engine.
package integration
