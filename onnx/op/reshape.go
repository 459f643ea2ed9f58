package op

import (
	"fmt"
	"math"
	"slices"
)

// reshapeRules covers the operators that keep every element in its place and change at most the shape.
var reshapeRules = map[string]Rule{"Reshape": reshape, "Flatten": flatten, "Identity": identity}

func identity(c *Call) error {
	in := c.In[0]
	c.Out[0].Dims, c.Out[0].Value, c.Out[0].Shape = SameDims(in), in.Value, in.Shape
	return nil
}

// flatten makes a matrix of the dimensions before an axis and those behind it. Either product keeps a name if all else in
// it is 1.
func flatten(c *Call) error {
	x := c.In[0]
	if !x.HasRank() {
		c.Out[0].Dims = unknownDims(2)
		return nil
	}
	rank, axis := x.Rank(), c.Attrs.Int("axis")
	least := -rank
	if c.Schema.Since < 11 { // negative axes came with opset 11
		least = 0
	}
	if axis < least || axis > rank {
		return fmt.Errorf("attribute \"axis\" is %d, want %d to %d for an input of %d dimensions", axis, least, rank, rank)
	}
	if axis < 0 {
		axis += rank
	}
	outer, err := product(x.Dims[:axis])
	if err != nil {
		return err
	}
	inner, err := product(x.Dims[axis:])
	if err != nil {
		return err
	}
	c.Out[0].Dims = []Dim{outer, inner}
	sameContents(&c.Out[0], x)
	return nil
}

// reshape takes the new shape as far as it is known: a constant, or what shape arithmetic has made of Shape, Gather,
// Concat and the like. In the second case a −1 has become an unknown dimension on its way, and one dimension that follows
// from the number of elements is worked out all the same.
func reshape(c *Call) error {
	target, exact, ok, err := c.shapeInput(1)
	if err != nil || !ok {
		return err
	}
	allowZero, err := c.flag("allowzero")
	if err != nil {
		return err
	}
	r := reshaping{x: c.In[0], out: make([]Dim, len(target)), copied: make([]bool, len(target))}
	for k, d := range target {
		r.out[k] = d
		if d.Size == 0 && !allowZero {
			r.copied[k] = true
			r.out[k] = Named("")
			if r.x.HasRank() {
				if k >= r.x.Rank() {
					return fmt.Errorf("dimension %d of the new shape is to be copied from the input, but %s has only %d dimensions", k, r.x, r.x.Rank())
				}
				r.out[k] = r.x.Dims[k]
			}
		}
	}
	rest, err := restOf(exact, allowZero)
	if err != nil {
		return err
	}
	if exact == nil && len(target) > 0 {
		rest = r.determined()
	}
	if rest >= 0 {
		d, err := r.solve(rest)
		// Where the list is not exact, the dimension was guessed to follow from the others: no error to report.
		if err != nil && exact != nil {
			return fmt.Errorf("%s does not reshape to %v: %w", r.x, exact, err)
		}
		if err == nil && (d.IsKnown() || r.out[rest].Name == "") {
			r.out[rest] = d
		}
	}
	c.Out[0].Dims = r.out
	if err := r.sameSize(); err != nil {
		return err
	}
	sameContents(&c.Out[0], r.x)
	return nil
}

// restOf finds the −1 in a new shape, the dimension that the others and the number of elements determine; −1 if there
// is none.
func restOf(shape []int, allowZero bool) (int, error) {
	rest := -1
	for k, v := range shape {
		switch {
		case v < -1:
			return 0, fmt.Errorf("the new shape is %v, want sizes, 0 or -1", shape)
		case v == -1 && rest >= 0:
			return 0, fmt.Errorf("the new shape is %v, want at most one -1", shape)
		case v == -1:
			rest = k
		}
	}
	if rest >= 0 && allowZero && slices.Contains(shape, 0) {
		return 0, fmt.Errorf("the new shape is %v, want no -1 next to a 0 that stands for itself (allowzero)", shape)
	}
	return rest, nil
}

// reshaping is a Reshape being worked out.
type reshaping struct {
	x      *Info
	out    []Dim
	copied []bool // out[k] is x's dimension k
}

// determined picks, in a new shape that is only partly known, the dimension that follows from the others. One without
// a name may well be a −1, which a Dim cannot carry.
func (r *reshaping) determined() int {
	rest, anonymous, open := -1, 0, 0
	for k, d := range r.out {
		if d.IsKnown() || r.copied[k] {
			continue
		}
		open++
		if d.Name == "" {
			anonymous++
		}
		if d.Name == "" || open == 1 {
			rest = k
		}
	}
	if anonymous > 1 || anonymous == 0 && open > 1 {
		return -1
	}
	return rest
}

// solve works out one dimension of the output from the input's elements. Dimensions that are unknown but stand on both
// sides cancel.
func (r *reshaping) solve(rest int) (Dim, error) {
	if !r.x.HasRank() {
		return Named(""), nil
	}
	above := slices.Clone(r.x.Dims)
	var below []Dim
	for k, d := range r.out {
		if k == rest {
			continue
		}
		at := -1
		// Two anonymous dimensions are equal only if one is copied from the other.
		if !d.IsKnown() && (r.copied[k] || d.Name != "") {
			at = slices.Index(above, d)
		}
		if at < 0 {
			below = append(below, d)
			continue
		}
		above[at] = Known(1)
	}
	num, err := product(above)
	if err != nil {
		return num, err
	}
	den, err := product(below)
	switch {
	case err != nil:
		return den, err
	case den.Size == 0: // 0 = 0 · rest, whatever rest is
		return Named(""), fmt.Errorf("any size would do where another dimension is 0")
	case num.Size == 0 && den.IsKnown():
		return Known(0), nil
	case !num.IsKnown() && den.Size == 1:
		return num, nil
	case !num.IsKnown() && num.Name == "" && den.IsKnown():
		return ratio(above, den.Size), nil
	case !num.IsKnown() || !den.IsKnown():
		return Named(""), nil
	case num.Size%den.Size != 0:
		return Named(""), fmt.Errorf("%d elements are no multiple of %d", num.Size, den.Size)
	}
	return Known(num.Size / den.Size), nil
}

// ratio divides a product of dimensions, one or more of them unknown, by den: the result is a dimension that has a
// name only if all else cancels.
func ratio(dims []Dim, den int) Dim {
	known, open, unknown := 1, Named(""), 0
	for _, d := range dims {
		if d.IsKnown() {
			known *= d.Size
			continue
		}
		open, unknown = d, unknown+1
	}
	if unknown == 1 && known == den {
		return open
	}
	return Named("")
}

// sameSize holds the number of elements of input and output against each other where both are known.
func (r *reshaping) sameSize() error {
	was, ok := numElems(r.x.Dims)
	if !ok || !r.x.HasRank() {
		return nil
	}
	if is, ok := numElems(r.out); ok && was != is {
		return fmt.Errorf("%s has %d elements, which do not reshape to %v", r.x, was, r.out)
	}
	return nil
}

// numElems multiplies dimensions; ok is false where one is unknown or the product overflows.
func numElems(dims []Dim) (int, bool) {
	n := 1
	for _, d := range dims {
		if !d.IsKnown() {
			return 0, false
		}
		if d.Size > 0 && n > math.MaxInt/d.Size {
			return 0, false
		}
		n *= d.Size
	}
	return n, true
}
