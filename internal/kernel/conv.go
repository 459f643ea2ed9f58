package kernel

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
)

// ConvParams fixes a convolution's weights and how they are laid over its input: everything but sizes and padding. The
// three lists have one entry per spatial axis, one axis or more. Tensors are row-major: input [batch, In, spatial…],
// weights [Out, In/Groups, Kernel…], output [batch, Out, spatial…].
type ConvParams struct {
	In, Out, Groups            int // channels of all groups together; Groups divides both
	Kernel, Strides, Dilations []int
}

// ConvShape holds the sizes of one run. Pad is what stands before the first element of each spatial axis (it may be
// negative); what stands after the last follows from the output's size.
type ConvShape struct {
	Batch        int
	In, Out, Pad []int
}

var errConv = errors.New("bad convolution")

// Taps is the number of kernel positions.
func (p *ConvParams) Taps() int { return product(p.Kernel) }

func product(s []int) int {
	n := 1
	for _, v := range s {
		n *= v
	}
	return n
}

// check holds p against the lengths of its weights and bias.
func (p *ConvParams) check(weights, bias int) error {
	rank := len(p.Kernel)
	if rank == 0 || len(p.Strides) != rank || len(p.Dilations) != rank {
		return fmt.Errorf("%w: %d kernel sizes, %d strides, %d dilations", errConv, rank, len(p.Strides), len(p.Dilations))
	}
	for i := range rank {
		if p.Kernel[i] < 1 || p.Strides[i] < 1 || p.Dilations[i] < 1 {
			return fmt.Errorf("%w: kernel %v, strides %v, dilations %v; want 1 or more", errConv, p.Kernel, p.Strides, p.Dilations)
		}
		if p.Kernel[i]-1 > (math.MaxInt32-1)/p.Dilations[i] {
			return fmt.Errorf("%w: kernel %v spread by %v", errConv, p.Kernel, p.Dilations)
		}
	}
	if p.Groups < 1 || p.In < 1 || p.Out < 1 || p.In%p.Groups != 0 || p.Out%p.Groups != 0 {
		return fmt.Errorf("%w: %d groups for %d input and %d output channels", errConv, p.Groups, p.In, p.Out)
	}
	if want := p.Out * (p.In / p.Groups) * p.Taps(); weights != want {
		return fmt.Errorf("%w: %d weights, want %d", errConv, weights, want)
	}
	if bias != 0 && bias != p.Out {
		return fmt.Errorf("%w: %d biases for %d output channels", errConv, bias, p.Out)
	}
	return nil
}

// checkShape holds s against p and the lengths of the tensors.
func (p *ConvParams) checkShape(s *ConvShape, dst, src int) error {
	rank := len(p.Kernel)
	if len(s.In) != rank || len(s.Out) != rank || len(s.Pad) != rank {
		return fmt.Errorf("%w: sizes %v → %v, padding %v for %d spatial axes", errConv, s.In, s.Out, s.Pad, rank)
	}
	if src != s.Batch*p.In*product(s.In) || dst != s.Batch*p.Out*product(s.Out) {
		return fmt.Errorf("%w: %d input and %d output elements for batch %d, sizes %v → %v", errConv, src, dst, s.Batch, s.In, s.Out)
	}
	return nil
}

func (p *ConvParams) clone() ConvParams {
	q := *p
	q.Kernel, q.Strides, q.Dilations = slices.Clone(p.Kernel), slices.Clone(p.Strides), slices.Clone(p.Dilations)
	return q
}

// Conv is a float32 convolution with its weights packed for this machine. It may run in several goroutines at once.
type Conv struct {
	p        ConvParams
	mk       *microKernel
	weights  []float32
	bias     []float32
	pack     sync.Once
	groups   []*packedRows // see matrices
	clamp    [2]float32    // lowest and highest result
	plain    *depthwise    // set where each group has one input channel
	winograd *winograd     // set where an algorithm fits
}

// NewConv makes a convolution of weights [Out, In/Groups, Kernel…]. e.Bias has one element per output channel or is
// empty; NoClamp(bias) is the plain convolution's epilogue. The error says which size is impossible.
//
// Weights are packed by Prepare or the first Run, in the form that suits the shape. They are not copied before: weights
// and bias must not change as long as the Conv is in use.
func NewConv(p ConvParams, weights []float32, e Epilogue) (*Conv, error) {
	return newConvFor(micro, p, weights, e)
}

func newConvFor(mk *microKernel, p ConvParams, weights []float32, e Epilogue) (*Conv, error) {
	if err := p.check(len(weights), len(e.Bias)); err != nil {
		return nil, err
	}
	c := &Conv{p: p.clone(), mk: mk, clamp: [2]float32{e.Lo, e.Hi}, weights: weights, bias: e.Bias}
	c.plain = newDepthwise(mk, &c.p, weights, e)
	c.winograd = newWinograd(mk, &c.p, weights, e)
	return c, nil
}

// matrices gives the packed weights for matrix products: one matrix [Out/Groups, taps·In/Groups] for each group.
func (c *Conv) matrices() []*packedRows {
	c.pack.Do(func() {
		c.groups = packGroups(c.mk, &c.p, c.bias, func(dst []float32, channel int) {
			copy(dst, c.weights[channel*len(dst):])
		})
	})
	return c.groups
}

// Prepare packs the weights for runs of shape s, so that the first one does not have to.
func (c *Conv) Prepare(s ConvShape) {
	if c.plain != nil {
		if _, ok := c.plain.scratch(&s); ok {
			return
		}
	}
	if p, ok := c.chooseWinograd(&s, 1); ok {
		c.winograd.filter(p.a)
		return
	}
	c.matrices()
}

// Forget lets go of the weights that NewConv was given, after which only runs of shapes that were Prepared are possible.
func (c *Conv) Forget() {
	c.weights = nil
	if c.winograd != nil {
		c.winograd.weights = nil
	}
}

// packGroups packs the weights of each group. load writes the weights [In/Groups, taps] of one output channel.
//
// In the packed matrix, A's columns are ordered tap by tap, the channels of a tap side by side (weights have them the
// other way round): so a tap that lies wholly in the padding of a tile is one stretch of columns to leave out.
func packGroups(mk *microKernel, p *ConvParams, bias []float32, load func(dst []float32, channel int)) []*packedRows {
	taps, in, out := p.Taps(), p.In/p.Groups, p.Out/p.Groups
	groups := make([]*packedRows, p.Groups)
	row, rows := make([]float32, taps*in), make([]float32, out*taps*in)
	for g := range groups {
		for m := range out {
			load(row, g*out+m)
			at := rows[m*taps*in:]
			for ch := range in {
				for t := range taps {
					at[t*in+ch] = row[ch*taps+t]
				}
			}
		}
		var b []float32
		if len(bias) > 0 {
			b = bias[g*out:][:out]
		}
		groups[g] = packRows(mk, rows, out, taps*in, taps*in, 1, b)
	}
	return groups
}

// Scratch is the length of the scratch memory that Run wants: at most a few MiB per thread of the pool.
func (c *Conv) Scratch(pool *Pool, s ConvShape) int {
	if c.plain != nil {
		if n, ok := c.plain.scratch(&s); ok {
			return pool.Threads() * n
		}
	}
	if p, ok := c.chooseWinograd(&s, pool.Threads()); ok {
		return pool.Threads() * p.scratch()
	}
	if c.pointwise(&s) {
		return pool.Threads() * c.pointwiseScratch()
	}
	list, _ := c.strips(&s)
	if list == nil {
		return pool.Threads() * newConvTiling(c.mk, &c.p, &s, false, pool.Threads()).scratch()
	}
	n := 0
	for _, t := range list {
		q := t.shape(c, &s)
		n = max(n, pool.Threads()*newConvTiling(c.mk, &c.p, &q, true, pool.Threads()).scratch())
	}
	return n
}

// Method names the way in which a run of shape s is computed.
func (c *Conv) Method(s ConvShape) string {
	if c.plain != nil {
		if _, ok := c.plain.scratch(&s); ok {
			return "depthwise"
		}
	}
	if p, ok := c.chooseWinograd(&s, 1); ok {
		return "winograd " + p.a.Name
	}
	if c.pointwise(&s) {
		return "pointwise"
	}
	if list, _ := c.strips(&s); list != nil {
		return "strips"
	}
	return "direct"
}

// Run computes dst from src. scratch may be short or nil; then memory is allocated. The result does not depend on the
// number of threads. An error says that a slice does not have the length that the shape asks for.
func (c *Conv) Run(pool *Pool, scratch, dst, src []float32, s ConvShape) error {
	if err := c.p.checkShape(&s, len(dst), len(src)); err != nil {
		return err
	}
	if c.plain != nil {
		if _, ok := c.plain.scratch(&s); ok {
			c.plain.run(pool, scratch, dst, src, &s)
			return nil
		}
	}
	if p, ok := c.chooseWinograd(&s, pool.Threads()); ok {
		p.run(pool, scratch, dst, src)
		return nil
	}
	c.runDirect(pool, scratch, dst, src, &s)
	return nil
}

// runDirect computes the convolution by matrix products, without the taps that lie in the padding.
func (c *Conv) runDirect(pool *Pool, scratch, dst, src []float32, s *ConvShape) {
	if c.pointwise(s) {
		c.runPointwise(pool, scratch, dst, src, s)
		return
	}
	if list, _ := c.strips(s); list != nil {
		c.runStrips(pool, scratch, dst, src, s, list)
		return
	}
	c.run(pool, scratch, dst, src, s, nil)
}

// run computes the convolution by matrix products. With out, complete tiles go there instead of to dst.
func (c *Conv) run(pool *Pool, scratch, dst, src []float32, s *ConvShape, out convSink) {
	r := convRun{tiling: newConvTiling(c.mk, &c.p, s, out != nil, pool.Threads()), groups: c.matrices(),
		pixels: floatPixels{c.mk, src}, clamp: c.clamp, dst: dst, sink: out}
	r.run(pool, scratch)
}
