package onnx

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable makes text from a model file safe to print: names, attributes and metadata may hold anything, and a
// terminal obeys what it is sent. Every character that strconv.IsPrint refuses (line breaks, escape sequences, NUL, the
// overrides of writing direction, blanks other than the plain space) and every byte that is no UTF-8 becomes a Go
// escape, as \n, \x1b or \u202e. All other characters stay as they are, the backslash too: the result is for reading.
func Printable(s string) string {
	if isPrintable(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if strconv.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
			b.WriteString(s[:n])
		} else {
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// isPrintable reports whether Printable would leave s as it is.
func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}
