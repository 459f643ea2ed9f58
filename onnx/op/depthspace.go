package op

import (
	"fmt"
	"math"
)

// depthspaceRules covers the operators that move blocks of pixels into channels and back.
var depthspaceRules = map[string]Rule{"DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth}

// blockImage checks the block size and that input 0, if its rank is known, is an image batch.
func blockImage(c *Call) (b int, known bool, err error) {
	// The square of the block size must not overflow.
	if b = c.Attrs.Int("blocksize"); b < 1 || b > maxExtent {
		return 0, false, fmt.Errorf("attribute \"blocksize\" is %d, want 1 to %d", b, maxExtent)
	}
	x := c.In[0]
	if !x.HasRank() {
		return b, false, nil
	}
	if x.Rank() != 4 {
		return 0, false, fmt.Errorf("input %q is %s, want 4 dimensions (batch, channels, height, width)", c.InputName(0), x)
	}
	return b, true, nil
}

// times multiplies a dimension by a factor.
func (d Dim) times(f int) (Dim, error) {
	switch {
	case f == 1 || d.Size == 0:
		return d, nil
	case !d.IsKnown():
		return Named(""), nil
	case f > math.MaxInt/d.Size:
		return d, fmt.Errorf("%w: a dimension of %d times %d", ErrLimit, d.Size, f)
	}
	return Known(d.Size * f), nil
}

// over divides a dimension by f; ok is false if it is known not to be a multiple.
func (d Dim) over(f int) (q Dim, ok bool) {
	switch {
	case f == 1:
		return d, true
	case !d.IsKnown():
		return Named(""), true
	}
	return Known(d.Size / f), d.Size%f == 0
}

func depthToSpace(c *Call) error {
	if m := c.Attrs.String("mode"); m != "" && m != "DCR" && m != "CRD" {
		return fmt.Errorf("attribute \"mode\" is %q, want DCR or CRD", m)
	}
	b, known, err := blockImage(c)
	if err != nil || !known {
		return err
	}
	x := c.In[0].Dims
	channels, ok := x[1].over(b * b)
	if !ok {
		return fmt.Errorf("input %q is %s, want a multiple of blocksize² = %d channels", c.InputName(0), c.In[0], b*b)
	}
	height, err := x[2].times(b)
	if err != nil {
		return err
	}
	width, err := x[3].times(b)
	if err != nil {
		return err
	}
	c.Out[0].Dims = []Dim{x[0], channels, height, width}
	return nil
}

func spaceToDepth(c *Call) error {
	b, known, err := blockImage(c)
	if err != nil || !known {
		return err
	}
	x := c.In[0].Dims
	height, okH := x[2].over(b)
	width, okW := x[3].over(b)
	if !okH || !okW {
		return fmt.Errorf("input %q is %s, want height and width to be multiples of blocksize %d", c.InputName(0), c.In[0], b)
	}
	channels, err := x[1].times(b * b)
	if err != nil {
		return err
	}
	c.Out[0].Dims = []Dim{x[0], channels, height, width}
	return nil
}
