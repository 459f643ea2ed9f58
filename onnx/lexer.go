package onnx

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// SyntaxError says where a text stops being a model. Line and Col count from 1, Col in bytes.
type SyntaxError struct {
	Line, Col int
	Msg       string
}

// Error writes "3:14: want …, have …".
func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Msg) }

// lexer reads ONNX's textual syntax, which has no fixed set of tokens: what a name or a number is depends on where it
// stands. Space and comments ("#" to the end of the line) are skipped before each token. After the first error every
// method returns a zero value and nothing matches any more, so callers need not check after each step; loops must.
type lexer struct {
	text string
	pos  int
	err  *SyntaxError
}

// fail records the first error, at byte pos.
func (l *lexer) fail(pos int, format string, args ...any) {
	if l.err != nil {
		return
	}
	before := l.text[:pos]
	l.err = &SyntaxError{
		Line: 1 + strings.Count(before, "\n"),
		Col:  pos - strings.LastIndexByte(before, '\n'),
		Msg:  fmt.Sprintf(format, args...),
	}
	l.pos = len(l.text)
}

// want fails with what would be accepted at the next token, and what stands there.
func (l *lexer) want(what string) {
	have := "the end of the text"
	if l.skip(); l.pos < len(l.text) {
		have = l.word()
	}
	if have == ellipsis {
		have += " (the text was cut short when it was written: write it in full)"
	}
	l.fail(l.pos, "want %s, have %s", what, have)
}

// wantAt is want for a token that begins at byte pos and has been read.
func (l *lexer) wantAt(pos int, what string) {
	if l.err == nil {
		l.pos = pos
		l.want(what)
	}
}

// word gives a little of what stands at pos, for error texts.
func (l *lexer) word() string {
	rest := l.text[l.pos:]
	end := 1
	switch c := rest[0]; {
	case c == '"' || isLetter(c) || isDigit(c):
		for end < len(rest) && end < 30 && (isLetter(rest[end]) || isDigit(rest[end]) || c == '"' && rest[end] != '"') {
			end++
		}
	case c >= utf8.RuneSelf:
		r, n := utf8.DecodeRuneInString(rest)
		if r == '…' {
			return ellipsis
		}
		end = n
	}
	return strconv.Quote(rest[:end])
}

// isLetter and isDigit are those of the syntax, which knows only ASCII outside quotes, whatever the locale.
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// skip passes over space and comments.
func (l *lexer) skip() {
	for l.pos < len(l.text) {
		switch l.text[l.pos] {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			l.pos++
		case '#':
			n := strings.IndexByte(l.text[l.pos:], '\n')
			if n < 0 {
				n = len(l.text) - l.pos
			}
			l.pos += n
		default:
			return
		}
	}
}

// peek gives the first byte of the next token, 0 at the end.
func (l *lexer) peek() byte {
	l.skip()
	if l.pos < len(l.text) {
		return l.text[l.pos]
	}
	return 0
}

// accept passes over c if it is next.
func (l *lexer) accept(c byte) bool {
	if l.err == nil && l.pos < len(l.text) && l.peek() == c {
		l.pos++
		return true
	}
	return false
}

// expect is accept for a c that must be there.
func (l *lexer) expect(c byte) {
	if !l.accept(c) {
		l.want(strconv.Quote(string(rune(c))))
	}
}

// arrow reads "=>", whose two characters stand together.
func (l *lexer) arrow() {
	l.skip()
	if l.err != nil || !strings.HasPrefix(l.text[l.pos:], "=>") {
		l.want(`"=>"`)
		return
	}
	l.pos += 2
}

// identifier reads a letter or "_" and what follows of letters, digits and "_"; "" if none is next.
func (l *lexer) identifier() string {
	word := l.peekIdentifier()
	l.pos += len(word)
	return word
}

// peekIdentifier is identifier without passing over it, for the places where the kind of word decides.
func (l *lexer) peekIdentifier() string {
	l.skip()
	end := l.pos
	for end < len(l.text) && (isLetter(l.text[end]) || end > l.pos && isDigit(l.text[end])) {
		end++
	}
	return l.text[l.pos:end]
}

// name reads an identifier or a quoted name.
func (l *lexer) name(what string) string {
	if l.peek() == '"' {
		return l.quotedName()
	}
	word := l.identifier()
	if word == "" {
		l.want(what)
	}
	return word
}

// quotedName is quoted for the fields that protobuf holds to UTF-8.
func (l *lexer) quotedName() string {
	l.skip()
	start := l.pos
	s := l.quoted()
	if !utf8.ValidString(s) {
		l.fail(start, "the string is not valid UTF-8")
	}
	return s
}

// quoted reads a string in double quotes; a backslash makes the character after it stand for itself.
func (l *lexer) quoted() string {
	if l.peek() != '"' {
		l.want("a string in double quotes")
		return ""
	}
	start := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; c {
		case '"':
			l.pos++
			return b.String()
		case '\\':
			if l.pos++; l.pos < len(l.text) {
				b.WriteByte(l.text[l.pos])
			}
		default:
			b.WriteByte(c)
		}
	}
	l.fail(start, "the string has no end")
	return ""
}

// isFloatWord reports whether a word is one of the numbers written in letters.
func isFloatWord(s string) bool {
	switch strings.ToLower(s) {
	case "inf", "infinity", "nan":
		return true
	}
	return false
}

// number reads the text of a number: digits with an optional sign, fraction and exponent, or a float word. isFloat is
// false for an integer.
func (l *lexer) number() (text string, isFloat bool) {
	l.skip()
	start := l.pos
	end := start
	at := func(set string) bool { return end < len(l.text) && strings.IndexByte(set, l.text[end]) >= 0 }
	digits := func() {
		for at("0123456789") {
			end++
		}
	}
	if at("-") {
		end++
	}
	// A word that merely begins like a number in letters (infinite, nan2) is not one.
	if end < len(l.text) && isLetter(l.text[end]) {
		sign := end
		for end < len(l.text) && (isLetter(l.text[end]) || isDigit(l.text[end])) {
			end++
		}
		if isFloatWord(l.text[sign:end]) {
			l.pos = end
			return l.text[start:end], true
		}
		end = sign
	}
	if l.err != nil || !at("0123456789") {
		l.want("a number")
		return "", false
	}
	digits()
	if at(".") {
		isFloat = true
		end++
		digits()
	}
	if at("eE") {
		isFloat = true
		if end++; at("+-") {
			end++
		}
		digits()
	}
	l.pos = end
	return l.text[start:end], isFloat
}

// integer reads a whole number that fits bits bits.
func (l *lexer) integer(bits int) int64 {
	start, text := l.wholeNumber()
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil && text != "" {
		l.fail(start, "%s does not fit a signed integer of %d bits", text, bits)
	}
	return n
}

// unsigned reads a whole number from 0 to 2^64-1.
func (l *lexer) unsigned() uint64 {
	start, text := l.wholeNumber()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && text != "" {
		l.fail(start, "%s does not fit an unsigned integer of 64 bits", text)
	}
	return n
}

// wholeNumber reads the text of an integer and where it began.
func (l *lexer) wholeNumber() (start int, text string) {
	l.skip()
	start = l.pos
	text, isFloat := l.number()
	if isFloat {
		l.fail(start, "want an integer, have %s", text)
	}
	return start, text
}

// float reads a number of any form as a float of the given width.
func (l *lexer) float(bits int) float64 {
	l.skip()
	start := l.pos
	text, _ := l.number()
	f, ok := parseFloat(text, bits)
	if !ok && text != "" {
		l.fail(start, "%s does not fit a float of %d bits", text, bits)
	}
	return f
}

// parseFloat reads what number accepted. Infinity must be written out: a number that is merely too large is not ok.
func parseFloat(text string, bits int) (f float64, ok bool) {
	if word := strings.TrimPrefix(text, "-"); isFloatWord(word) && strings.EqualFold(word, "nan") {
		f = math.NaN()
		if word != text {
			f = math.Copysign(f, -1)
		}
		return f, true
	}
	f, err := strconv.ParseFloat(text, bits)
	return f, err == nil
}
