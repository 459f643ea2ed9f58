package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// SyntaxError is a place where the text is not JSON. Fields are reported by [FieldError] instead.
type SyntaxError struct {
	Line, Column int // both from 1; Column counts characters
	Problem      string
}

// Error returns "line l, column c: problem".
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Unmarshal parses and validates the JSON form of an architecture. It is strict: every field must be present, once,
// spelled exactly and of the right type; nothing may follow; format and version must be [ArchitectureFormat] and
// [ArchitectureVersion]; at most [MaxFileBytes] are accepted; and the result satisfies [Architecture.Validate]. White
// space and the order of fields are free. The error is a [*SyntaxError] or a [*FieldError].
func Unmarshal(data []byte) (*Architecture, error) {
	if len(data) > MaxFileBytes {
		return nil, fieldErrorf("the document", "longer than %d bytes, the limit", MaxFileBytes)
	}
	if err := checkSyntax(data); err != nil {
		return nil, err
	}
	// From here on the text is known to be one JSON value, so that the walk only looks at what the values are.
	fields, err := readObject("the document", "", data, "format", "version", "name", "cell", "path")
	if err != nil {
		return nil, err
	}
	a := new(Architecture)
	if a.Name, err = readString("name", fields["name"]); err != nil {
		return nil, err
	}
	if err := checkName(a.Name); err != nil {
		return nil, err
	}
	if a.Cell, err = readCell(fields["cell"]); err != nil {
		return nil, err
	}
	if a.Path, err = readPath(fields["path"]); err != nil {
		return nil, err
	}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	return a, nil
}

// checkSyntax finds out whether data is one JSON value in UTF-8 and nothing else. encoding/json alone would replace
// bytes that are not UTF-8.
func checkSyntax(data []byte) error {
	if !utf8.Valid(data) {
		at := 0
		for r, n := utf8.DecodeRune(data); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRune(data[at:]) {
			at += n
		}
		return syntaxError(data, at, fmt.Sprintf("byte 0x%02x is not UTF-8 text", data[at]))
	}
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return syntaxError(data, 0, err.Error())
	}
	at, problem := min(int(syntax.Offset), len(data)), err.Error()
	if strings.HasPrefix(problem, "invalid character") && at > 0 {
		at-- // Offset counts the bytes read, the offending one included
		if data[at] >= utf8.RuneSelf {
			// encoding/json shows the first byte as if it were a character; show the character.
			r, _ := utf8.DecodeRune(data[at:])
			_, rest, _ := strings.Cut(problem[len("invalid character '"):], "'")
			problem = "invalid character " + strconv.QuoteRune(r) + rest
		}
	}
	return syntaxError(data, at, problem)
}

func syntaxError(data []byte, at int, problem string) error {
	before := data[:at]
	start := bytes.LastIndexByte(before, '\n') + 1
	return &SyntaxError{
		Line:    bytes.Count(before, []byte("\n")) + 1,
		Column:  utf8.RuneCount(before[start:]) + 1,
		Problem: problem,
	}
}

// The walk below works on the raw text of each value rather than with encoding/json's struct decoding, because that
// takes keys in any case, lets the last of two equal keys win, ignores what it does not know and cannot tell a missing
// field from a zero. Each level is scanned once more than needed, which the size limit makes harmless.

// readObject splits an object that must have the named fields, each once, and no others. The value of field f is
// called prefix+f in errors. Of the document itself, format and version are checked before the rest is judged: a later
// version may well have other fields.
func readObject(what, prefix string, data []byte, names ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fieldErrorf(what, "is %s; want an object with the fields %s", kind(data), strings.Join(names, ", "))
	}
	fields := make(map[string]json.RawMessage)
	// The first unknown field is reported only after the header, so as not to blame a later version for its fields.
	unknown := ""
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fieldErrorf(what, "%v", err)
		}
		key, value := t.(string), json.RawMessage(nil)
		if err := d.Decode(&value); err != nil {
			return nil, fieldErrorf(what, "%v", err)
		}
		if !slices.Contains(names, key) {
			if unknown == "" {
				unknown = fmt.Sprintf("unknown field %s (accepted: %s)", quote(key), strings.Join(names, ", "))
			}
			continue
		}
		if fields[key] != nil { // null is the text "null" here, so nil means absent
			return nil, fieldErrorf(prefix+key, "given twice")
		}
		fields[key] = value
	}
	if prefix == "" {
		if err := checkHeader(fields["format"], fields["version"]); err != nil {
			return nil, err
		}
	}
	if unknown != "" {
		return nil, fieldErrorf(what, "%s", unknown)
	}
	for _, name := range names {
		if fields[name] == nil {
			return nil, fieldErrorf(prefix+name, "missing")
		}
	}
	return fields, nil
}

func checkHeader(format, version json.RawMessage) error {
	if format == nil {
		return fieldErrorf("format", "missing (want %q)", ArchitectureFormat)
	}
	f, err := readString("format", format)
	if err != nil {
		return err
	}
	if f != ArchitectureFormat {
		return fieldErrorf("format", "%s is another kind of file (want %q)", quote(f), ArchitectureFormat)
	}
	if version == nil {
		return fieldErrorf("version", "missing (want %d)", ArchitectureVersion)
	}
	v, err := readInt("version", version)
	if err != nil {
		return err
	}
	if v != ArchitectureVersion {
		return fieldErrorf("version", "%d is not known to this program (it reads version %d)", v, ArchitectureVersion)
	}
	return nil
}

// readArray splits an array into at most limit+1 values: one more than accepted is enough to see that there are too
// many, and a hostile list of a million is not kept.
func readArray(what, want string, data []byte, limit int) ([]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, fieldErrorf(what, "is %s; want %s", kind(data), want)
	}
	var values []json.RawMessage
	for d.More() && len(values) <= limit {
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fieldErrorf(what, "%v", err)
		}
		values = append(values, value)
	}
	return values, nil
}

// readCell reads the blocks' structure. Whether an input is a state of its block is left to Validate, which knows the
// number of blocks.
func readCell(data []byte) ([]Block, error) {
	blocks, err := readArray("cell", "a list of blocks", data, MaxBlocks)
	if err != nil {
		return nil, err
	}
	if err := checkCount("cell", "block", len(blocks), MaxBlocks); err != nil {
		return nil, err
	}
	cell := make([]Block, len(blocks))
	for i := range blocks {
		what := fmt.Sprintf("cell[%d]", i)
		branches, err := readArray(what, "a list of two branches", blocks[i], 2)
		if err != nil {
			return nil, err
		}
		switch len(branches) {
		case 0, 1:
			return nil, fieldErrorf(what, "has too few branches: %d (a block has 2)", len(branches))
		case 2:
		default:
			return nil, fieldErrorf(what, "has too many branches (a block has 2)")
		}
		for j := range branches {
			if cell[i][j], err = readBranch(i, j, branches[j]); err != nil {
				return nil, err
			}
		}
	}
	return cell, nil
}

// readBranch reads branch j of block i.
func readBranch(i, j int, data []byte) (b Branch, err error) {
	what := fmt.Sprintf("cell[%d][%d]", i, j)
	fields, err := readObject(what, what+".", data, "input", "op")
	if err != nil {
		return b, err
	}
	if b.Input, err = readInt(what+".input", fields["input"]); err != nil {
		return b, err
	}
	name, err := readString(what+".op", fields["op"])
	if err != nil {
		return b, err
	}
	// "none" parses, for Validate to refuse with its reason; the names accepted here are those a cell can choose.
	if b.Op, err = ParseOperator(name); err != nil {
		return b, fieldErrorf(what+".op", "%s is not an operator (accepted: %s)",
			quote(name), strings.Join(operatorNames[1:], ", "))
	}
	return b, nil
}

// readPath reads the levels; Validate judges them.
func readPath(data []byte) ([]int, error) {
	levels, err := readArray("path", "a list of levels", data, MaxLayers)
	if err != nil {
		return nil, err
	}
	if err := checkCount("path", "layer", len(levels), MaxLayers); err != nil {
		return nil, err
	}
	path := make([]int, len(levels))
	for l := range levels {
		if path[l], err = readInt(fmt.Sprintf("path[%d]", l), levels[l]); err != nil {
			return nil, err
		}
	}
	return path, nil
}

func readString(field string, data []byte) (string, error) {
	var s string
	if kind(data) != "a string" {
		return "", fieldErrorf(field, "is %s; want a string", kind(data))
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return "", fieldErrorf(field, "%v", err)
	}
	return s, nil
}

// readInt takes whole numbers written as such: 1.0 and 1e0 are refused.
func readInt(field string, data []byte) (int, error) {
	if kind(data) != "a number" {
		return 0, fieldErrorf(field, "is %s; want a whole number", kind(data))
	}
	n, err := strconv.Atoi(string(data))
	if errors.Is(err, strconv.ErrRange) {
		return 0, fieldErrorf(field, "%.20s… is far out of range", data)
	}
	if err != nil {
		return 0, fieldErrorf(field, "%.40s is not written as a whole number", data)
	}
	return n, nil
}

// kind names the type of a JSON value for a message.
func kind(data []byte) string {
	switch data = bytes.TrimLeft(data, " \t\r\n"); data[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}
