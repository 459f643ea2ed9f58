//go:build !race

package testenv

// Race says whether the race detector is compiled in: it makes code five to twenty times slower and multiplies its memory.
const Race = false
