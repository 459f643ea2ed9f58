package op

import (
	"fmt"
	"slices"
)

// poolRules covers the pooling operators.
var poolRules = map[string]Rule{
	"MaxPool": pool, "AveragePool": pool, "GlobalAveragePool": globalPool, "GlobalMaxPool": globalPool,
}

// PoolAxis says how a pooling window moves along one spatial axis: window o covers the source positions
// o·Stride − Begin + k·Dilation for k in [0, Kernel), as far as they lie in [0, In). Begin and End are the paddings.
type PoolAxis struct {
	In, Out, Kernel, Stride, Dilation, Begin, End int
}

// Bounds of what a pooling or reshuffling attribute and a source dimension may be, so that no sum or product of them
// overflows an int. They are far above what fits a memory.
const (
	maxExtent = 1 << 30
	maxSource = 1 << 40
)

func pool(c *Call) error {
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	if x.Rank() < 3 {
		return fmt.Errorf("input %q is %s, want at least 3 dimensions (batch, channels, and 1 or more to pool over)", c.InputName(0), x)
	}
	if o := c.Attrs.Int("storage_order"); o != 0 && o != 1 {
		return fmt.Errorf("attribute \"storage_order\" is %d, want 0 (row major) or 1 (column major)", o)
	}
	if _, err := c.flag("count_include_pad"); err != nil {
		return err
	}
	axes, err := poolAxes(c, x.Dims[2:])
	if err != nil {
		return err
	}
	dims := SameDims(x)
	for i, a := range axes {
		switch d := &dims[2+i]; {
		case a.Out != Unknown:
			*d = Known(a.Out)
		case a.Stride != 1 || a.Begin+a.End != a.extent()-1:
			*d = Named("") // else the window keeps the size, whatever it is
		}
	}
	for i := range c.Out {
		c.Out[i].Dims = slices.Clone(dims)
	}
	return nil
}

// PoolAxes works out how MaxPool or AveragePool moves over spatial axes of the given sizes.
func PoolAxes(c *Call, spatial []int) ([]PoolAxis, error) {
	dims := make([]Dim, len(spatial))
	for i, n := range spatial {
		dims[i] = Known(n)
	}
	return poolAxes(c, dims)
}

// extent is how many source positions a window spans, from its first to its last, both included.
func (a PoolAxis) extent() int { return (a.Kernel-1)*a.Dilation + 1 }

// poolAxes is PoolAxes for sizes that may be unknown; Out is Unknown then, and the pads of SAME_UPPER and SAME_LOWER
// are given only where they do not depend on the size (stride 1).
func poolAxes(c *Call, spatial []Dim) ([]PoolAxis, error) {
	n := len(spatial)
	kernel, err := poolAttr(c, "kernel_shape", n, 1, 0)
	if err != nil {
		return nil, err
	}
	strides, err := poolAttr(c, "strides", n, 1, 1)
	if err != nil {
		return nil, err
	}
	dilations, err := poolAttr(c, "dilations", n, 1, 1)
	if err != nil {
		return nil, err
	}
	pads, err := poolAttr(c, "pads", 2*n, 0, 0)
	if err != nil {
		return nil, err
	}
	auto := c.Attrs.String("auto_pad")
	switch auto {
	case "NOTSET":
	case "SAME_UPPER", "SAME_LOWER", "VALID":
		if slices.Max(pads) > 0 {
			return nil, fmt.Errorf("attributes \"pads\" %v and \"auto_pad\" %s exclude each other", pads, auto)
		}
	default:
		return nil, fmt.Errorf("attribute \"auto_pad\" is %q, want NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto)
	}
	ceil, err := c.flag("ceil_mode")
	if err != nil {
		return nil, err
	}
	axes := make([]PoolAxis, n)
	for i, d := range spatial {
		a := PoolAxis{In: d.Size, Out: Unknown, Kernel: kernel[i], Stride: strides[i], Dilation: dilations[i], Begin: pads[i], End: pads[n+i]}
		if err := a.place(auto, ceil); err != nil {
			return nil, fmt.Errorf("spatial axis %d: %w", i, err)
		}
		axes[i] = a
	}
	return axes, nil
}

// poolAttr reads a list of n integers of at least lo; preset stands for each if the attribute is absent or empty.
func poolAttr(c *Call, name string, n, lo, preset int) ([]int, error) {
	v := c.Attrs.Ints(name)
	if len(v) == 0 && preset >= lo {
		v = make([]int, n)
		for i := range v {
			v[i] = preset
		}
	}
	if len(v) != n {
		return nil, fmt.Errorf("attribute %q has %d values, want %d for %d spatial axes", name, len(v), n, len(c.In[0].Dims)-2)
	}
	for _, x := range v {
		if x < lo || x > maxExtent {
			return nil, fmt.Errorf("attribute %q is %v, want values from %d to %d", name, v, lo, maxExtent)
		}
	}
	return v, nil
}

// place fills in the paddings of auto_pad and the number of windows, as the operators' descriptions give them.
func (a *PoolAxis) place(auto string, ceil bool) error {
	same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
	if a.In == Unknown {
		if same && a.Stride == 1 {
			a.pad(auto, a.extent()-1)
		}
		return nil
	}
	if a.In > maxSource {
		return fmt.Errorf("%w: it is %d long, at most %d is allowed", ErrLimit, a.In, maxSource)
	}
	if same {
		a.Out = (a.In + a.Stride - 1) / a.Stride
		a.pad(auto, max(0, (a.Out-1)*a.Stride+a.extent()-a.In))
	} else {
		room := a.In + a.Begin + a.End - a.extent()
		a.Out = floorDiv(room, a.Stride) + 1
		if ceil && auto == "NOTSET" {
			a.Out = floorDiv(room+a.Stride-1, a.Stride) + 1
			if (a.Out-1)*a.Stride >= a.In+a.Begin {
				a.Out-- // a window that starts in the padding behind the data is left out
			}
		}
	}
	if a.Out < 1 {
		return fmt.Errorf("a window that spans %d does not fit a source of %d with paddings %d and %d", a.extent(), a.In, a.Begin, a.End)
	}
	return nil
}

// pad splits the padding of SAME_UPPER and SAME_LOWER; the odd one goes to the end or the beginning.
func (a *PoolAxis) pad(auto string, total int) {
	a.Begin, a.End = total/2, total-total/2
	if auto == "SAME_LOWER" {
		a.Begin, a.End = a.End, a.Begin
	}
}

// floorDiv divides by a positive b, rounding down.
func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func globalPool(c *Call) error {
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	if x.Rank() < 2 {
		return fmt.Errorf("input %q is %s, want at least 2 dimensions (batch, channels)", c.InputName(0), x)
	}
	dims := SameDims(x)
	for i := 2; i < len(dims); i++ {
		dims[i] = Known(1)
	}
	c.Out[0].Dims = dims
	return nil
}

// flag reads an attribute that is 0 or 1, 0 if absent.
func (c *Call) flag(name string) (bool, error) {
	v := c.Attrs.Int(name)
	if v != 0 && v != 1 {
		return false, fmt.Errorf("attribute %q is %d, want 0 or 1", name, v)
	}
	return v == 1, nil
}
