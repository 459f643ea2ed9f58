package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"autodeeplab/internal/limits"
	"autodeeplab/onnx"
)

// What a terminal gets goes through this file: names of files, and names inside models, may hold anything, and a line
// break or an escape sequence in one must not pass for the program's own words.

// app is what commands write to.
type app struct {
	limits *limits.Set
	stdout *answer
	stderr io.Writer
}

// answer is stdout. It keeps the first error of a write, so that an answer that was lost (on a full disk, say) is not
// taken for one that was given.
type answer struct {
	w   io.Writer
	err error
}

func (a *answer) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("cannot write the answer: %w", err)
	}
	return n, err
}

// printf writes a line of a command's answer. Arguments that are text are made printable; the format is trusted.
func (a *app) printf(format string, args ...any) {
	safe := make([]any, len(args))
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			arg = onnx.Printable(s)
		}
		safe[i] = arg
	}
	fmt.Fprintf(a.stdout, format, safe...)
}

// complain writes a line to stderr.
func (a *app) complain(text string) { fmt.Fprintf(a.stderr, "autodeeplab: %s\n", oneLine(text)) }

// oneLine makes any text, an error's as a rule, a single printable line.
func oneLine(s string) string { return onnx.Printable(strings.Join(strings.Fields(s), " ")) }

// jsonText is v as indented JSON. What a terminal could act on is written as \uXXXX, which means the same to a reader of
// JSON; package json leaves some of it, as the overrides of writing direction, as it is.
func jsonText(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(text)+1)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if c := text[:n]; r == '\n' || onnx.Printable(string(c)) == string(c) {
			out = append(out, c...)
		} else {
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		text = text[n:]
	}
	return append(out, '\n'), nil
}

// orList writes "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
