package decode

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError is what is wrong with one field of an Architecture or of its JSON form.
type FieldError struct {
	// Field is the field's place in the JSON form, such as "cell[2][0].input" (block 2, branch 0) or "path[3]".
	Field string
	// Problem says what was found there and what would be accepted.
	Problem string
}

// Error returns "field: problem".
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

func fieldErrorf(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// Validate returns nil where a describes a network, and else a [*FieldError] for the first field that does not, in the
// order name, cell, path:
//
//   - Name is valid UTF-8 without control characters, of at most [MaxNameBytes];
//   - Cell has 1 to [MaxBlocks] blocks; block i reads only states 0 to i+1, so that there is no cycle; no operator is
//     [None], which stands for the absence of a branch and which decoding never picks;
//   - Path has 1 to [MaxLayers] levels, each 0 to 3 and at most one away from the one before it, the first at most one
//     away from the stem's level 0. (So layer l can be at level k only if k ≤ l+1.)
func (a *Architecture) Validate() error {
	if err := checkName(a.Name); err != nil {
		return err
	}
	if err := checkCount("cell", "block", len(a.Cell), MaxBlocks); err != nil {
		return err
	}
	for i, block := range a.Cell {
		for j, branch := range block {
			if err := checkInput(branchField(i, j, "input"), branch.Input, i, len(a.Cell)); err != nil {
				return err
			}
			if err := checkOp(branchField(i, j, "op"), branch.Op); err != nil {
				return err
			}
		}
	}
	if err := checkCount("path", "layer", len(a.Path), MaxLayers); err != nil {
		return err
	}
	for l := range a.Path {
		if err := checkLevel(a.Path, l); err != nil {
			return err
		}
	}
	return nil
}

func branchField(block, branch int, leaf string) string {
	return fmt.Sprintf("cell[%d][%d].%s", block, branch, leaf)
}

func checkName(name string) error {
	if len(name) > MaxNameBytes {
		return fieldErrorf("name", "%d bytes long (the limit is %d)", len(name), MaxNameBytes)
	}
	if !utf8.ValidString(name) {
		return fieldErrorf("name", "%q is not valid UTF-8", name)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fieldErrorf("name", "%q holds %U, which is not a printable character or a plain space", name, r)
		}
	}
	return nil
}

func checkCount(field, item string, n, most int) error {
	if n == 0 {
		return fieldErrorf(field, "has no %s (1 to %d are accepted)", item, most)
	}
	if n > most {
		return fieldErrorf(field, "has more than %d %ss, the limit", most, item)
	}
	return nil
}

// checkInput checks a state read by a block. A state that exists but is not made before the block would close a cycle.
func checkInput(field string, input, block, blocks int) error {
	switch {
	case input >= 0 && input <= block+1:
		return nil
	case input == block+2:
		return fieldErrorf(field, "%d is block %d itself, a cycle (it may use 0 to %d)", input, block, block+1)
	case input > block+2 && input < blocks+2:
		return fieldErrorf(field, "%d is block %d, which comes after block %d, a cycle (it may use 0 to %d)",
			input, input-2, block, block+1)
	}
	return fieldErrorf(field, "%d is not a state of block %d (it may use 0 to %d)", input, block, block+1)
}

func checkOp(field string, op Operator) error {
	accepted := strings.Join(operatorNames[1:], ", ")
	if !op.Valid() {
		return fieldErrorf(field, "%d is not an operator (accepted: %s)", int(op), accepted)
	}
	if op == None {
		return fieldErrorf(field, `"none" stands for no branch at all, so a cell cannot choose it (accepted: %s)`, accepted)
	}
	return nil
}

// checkLevel checks the level of layer l, those before it being valid.
func checkLevel(path []int, l int) error {
	field, k := fmt.Sprintf("path[%d]", l), path[l]
	if k < 0 || k >= NumLevels {
		return fieldErrorf(field, "%d is not a level (0 to 3, for rates 1/4, 1/8, 1/16 and 1/32)", k)
	}
	if l == 0 && k > 1 {
		return fieldErrorf(field,
			"level %d cannot be reached: layer 0 comes from the stem, at level 0 (it may be at 0 or 1)", k)
	}
	if l > 0 {
		if from := path[l-1]; k < from-1 || k > from+1 {
			return fieldErrorf(field, "level %d jumps from level %d of the layer before (it may be at %d to %d)",
				k, from, max(0, from-1), min(NumLevels-1, from+1))
		}
	}
	return nil
}

// quote is strconv.Quote for text of unknown length in a message.
func quote(s string) string {
	const most = 40
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:most], ""))
}
