// Package archtest holds the import arrows of docs/architecture.md as a test.
package archtest
