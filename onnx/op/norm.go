package op

import (
	"fmt"
	"math"

	"autodeeplab/onnx/tensor"
)

// normRules covers the normalisations.
var normRules = map[string]Rule{
	"BatchNormalization": batchNorm, "InstanceNormalization": instanceNorm, "LayerNormalization": layerNorm,
}

func batchNorm(c *Call) error {
	if err := c.checkEpsilon(); err != nil {
		return err
	}
	x := c.In[0]
	c.Out[0].Dims = SameDims(x)
	if c.Attrs.Has("spatial") && c.Attrs.Int("spatial") == 0 { // opset 7: the parameters have the shape of one sample
		return nil
	}
	if c.Schema.Since >= 14 {
		training, err := c.flag("training_mode")
		if err != nil {
			return err
		}
		if !training && len(c.Out) > 1 {
			return fmt.Errorf("%d outputs, want 1 (the running statistics are given only with training_mode 1)", len(c.Out))
		}
	}
	channels := Named("")
	if x.HasRank() {
		switch x.Rank() {
		case 0:
			return fmt.Errorf("input %q is a scalar, want at least 1 dimension", c.InputName(0))
		case 1:
			channels = Known(1) // a batch of single numbers
		default:
			channels = x.Dims[1]
		}
	}
	channels, err := c.perChannel(channels, 1, 2, 3, 4)
	if err != nil {
		return err
	}
	if x.HasRank() && x.Rank() > 1 {
		c.Out[0].Dims[1] = channels
	}
	for i := 1; i < len(c.Out); i++ {
		c.Out[i].Dims = []Dim{channels}
	}
	return nil
}

func instanceNorm(c *Call) error {
	if err := c.checkEpsilon(); err != nil {
		return err
	}
	x := c.In[0]
	c.Out[0].Dims = SameDims(x)
	channels := Named("")
	if x.HasRank() {
		if x.Rank() < 3 {
			return fmt.Errorf("input %q is %s, want at least 3 dimensions (batch, channels, and 1 or more to normalise over)", c.InputName(0), x)
		}
		channels = x.Dims[1]
	}
	channels, err := c.perChannel(channels, 1, 2)
	if err != nil {
		return err
	}
	if x.HasRank() {
		c.Out[0].Dims[1] = channels
	}
	return nil
}

// perChannel checks that the given inputs are vectors as long as the data have channels, and gives the number of
// channels as far as any of them tells it.
func (c *Call) perChannel(channels Dim, inputs ...int) (Dim, error) {
	for _, i := range inputs {
		p := c.In[i]
		if !p.HasRank() {
			continue
		}
		if p.Rank() != 1 {
			return channels, fmt.Errorf("input %q is %s, want 1 dimension", c.InputName(i), p)
		}
		both, ok := dimsAgree(channels, p.Dims[0])
		if !ok {
			return channels, fmt.Errorf("input %q is %s, want %s values, one a channel", c.InputName(i), p, channels)
		}
		channels = both
	}
	return channels, nil
}

// dimsAgree finds the common value of two dimensions that must be equal, preferring a size to a name and a name to
// nothing; ok is false if they are known to differ.
func dimsAgree(a, b Dim) (d Dim, ok bool) {
	switch {
	case a.IsKnown():
		return a, !b.IsKnown() || a.Size == b.Size
	case b.IsKnown() || a.Name == "":
		return b, true
	}
	return a, true
}

func (c *Call) checkEpsilon() error {
	if e := float64(c.Attrs.Float("epsilon")); !(e >= 0) || math.IsInf(e, 0) {
		return fmt.Errorf("attribute \"epsilon\" is %g, want a finite number that is not negative", e)
	}
	return nil
}

func layerNorm(c *Call) error {
	if err := c.checkEpsilon(); err != nil {
		return err
	}
	stash := tensor.DType(c.Attrs.Int("stash_type"))
	if p, _ := c.Schema.Output(1); !p.Types.Has(stash) {
		return fmt.Errorf("attribute \"stash_type\" is %d (%s), want one of %s", c.Attrs.Int("stash_type"), stash, p.Types)
	}
	for i := 1; i < len(c.Out); i++ {
		c.Out[i].DType = stash
	}
	x := c.In[0]
	c.Out[0].Dims = SameDims(x)
	if !x.HasRank() {
		return nil
	}
	axis, err := normalAxis("attribute \"axis\"", c.Attrs.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	for i := 1; i < len(c.In); i++ {
		if err := c.broadcastsTo(i, x); err != nil {
			return err
		}
	}
	for i := 1; i < len(c.Out); i++ {
		dims := SameDims(x)
		for k := axis; k < len(dims); k++ {
			dims[k] = Known(1)
		}
		c.Out[i].Dims = dims
	}
	return nil
}

// broadcastsTo checks that input i may be stretched to the shape of x (ONNX's unidirectional broadcasting).
func (c *Call) broadcastsTo(i int, x *Info) error {
	p := c.Input(i)
	if p == nil || !p.HasRank() {
		return nil
	}
	ok := p.Rank() <= x.Rank()
	for k := 1; ok && k <= p.Rank(); k++ {
		have, want := p.Dims[p.Rank()-k], x.Dims[x.Rank()-k]
		ok = !have.IsKnown() || have.Size == 1 || !want.IsKnown() || have.Size == want.Size
	}
	if !ok {
		return fmt.Errorf("input %q is %s, which does not broadcast to input %q, %s", c.InputName(i), p, c.InputName(0), x)
	}
	return nil
}
