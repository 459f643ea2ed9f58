package kernel

import "fmt"

// ConvTranspose is a float32 transposed convolution: the gradient of a convolution with respect to its input. Its
// weights are [In, Out/Groups, Kernel…]; in a ConvShape, Pad is what is cut off before the first output element. It is
// read-only after NewConvTranspose and may run in several goroutines at once.
//
// Along an axis of stride s, output o gets a term from tap k and input i where o + pad = i·s + k·dilation. So the
// outputs with the same (o + pad) mod s, a phase, have the same taps, and those are evenly spaced: each phase is an
// ordinary convolution of stride 1 with the flipped kernel that is left of the weights. No two phases write the same
// output, so nothing is summed twice over and results do not depend on the order.
type ConvTranspose struct {
	p      ConvParams
	bias   []float32
	lo, hi float32
	phases []convPhase
	// covered says that the phases write every output; else some have no taps and hold nothing but bias.
	covered bool
}

// convPhase is one phase: along each axis the residue of (o + pad) mod stride, and the convolution that gives those
// outputs. first is the lowest tap of the phase along each axis.
type convPhase struct {
	residue, first []int
	conv           *Conv
}

// NewConvTranspose packs the weights; e is as in NewConv. The error says which size is impossible.
func NewConvTranspose(p ConvParams, weights []float32, e Epilogue) (*ConvTranspose, error) {
	return newConvTransposeFor(micro, p, weights, e)
}

func newConvTransposeFor(mk *microKernel, p ConvParams, weights []float32, e Epilogue) (*ConvTranspose, error) {
	if err := p.check(len(weights), len(e.Bias)); err != nil {
		return nil, err
	}
	t := &ConvTranspose{p: p.clone(), bias: make([]float32, p.Out), lo: e.Lo, hi: e.Hi, covered: true}
	copy(t.bias, e.Bias)
	axes := make([][]axisPhase, len(p.Kernel))
	for i := range axes {
		axes[i] = cutPhases(p.Kernel[i], p.Strides[i], p.Dilations[i])
		t.covered = t.covered && len(axes[i]) == p.Strides[i]
	}
	for at := make([]int, len(axes)); ; {
		phase, err := t.newPhase(mk, weights, e, axes, at)
		if err != nil {
			return nil, err
		}
		t.phases = append(t.phases, phase)
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < len(axes[i]) {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return t, nil
		}
	}
}

// axisPhase lists the taps of one residue along one axis: first, first+step, …
type axisPhase struct{ residue, first, step, taps int }

// cutPhases lists the residues of k·dilation mod stride that occur, by their first tap.
func cutPhases(kernel, stride, dilation int) []axisPhase {
	step := stride / gcd(stride, dilation) // taps apart with the same residue
	var list []axisPhase
	for first := range min(step, kernel) {
		list = append(list, axisPhase{residue: first * (dilation % stride) % stride, first: first, step: step, taps: (kernel - first + step - 1) / step})
	}
	return list
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// newPhase packs the flipped taps of one combination of the axes' phases.
func (t *ConvTranspose) newPhase(mk *microKernel, weights []float32, e Epilogue, axes [][]axisPhase, at []int) (convPhase, error) {
	p := &t.p
	q := ConvParams{In: p.In, Out: p.Out, Groups: p.Groups}
	phase := convPhase{}
	for i, list := range axes {
		a := list[at[i]]
		phase.residue, phase.first = append(phase.residue, a.residue), append(phase.first, a.first)
		q.Kernel, q.Strides = append(q.Kernel, a.taps), append(q.Strides, 1)
		// Neighbours among a phase's taps lie step·dilation apart in the output, so that much over stride in the input.
		q.Dilations = append(q.Dilations, p.Dilations[i]/gcd(p.Strides[i], p.Dilations[i]))
	}
	taps, in, out := p.Taps(), p.In/p.Groups, p.Out/p.Groups
	kept := q.Taps()
	w := make([]float32, p.Out*in*kept)
	for tap := range kept {
		from, stride, rest := 0, 1, tap
		for i := len(axes) - 1; i >= 0; i-- {
			a := axes[i][at[i]]
			from += (a.first + (a.taps-1-rest%a.taps)*a.step) * stride
			rest /= a.taps
			stride *= p.Kernel[i]
		}
		for m := range p.Out {
			for c := range in {
				w[(m*in+c)*kept+tap] = weights[((m/out*in+c)*out+m%out)*taps+from]
			}
		}
	}
	var err error
	if phase.conv, err = newConvFor(mk, q, w, e); err != nil {
		return phase, fmt.Errorf("phase %v: %w", phase.residue, err)
	}
	phase.conv.matrices() // the only form that a phase runs in
	phase.conv.weights, phase.conv.winograd = nil, nil
	return phase, nil
}

// Scratch is the length of the scratch memory that Run wants.
func (t *ConvTranspose) Scratch(pool *Pool, s ConvShape) int {
	n := 0
	for i := range t.phases {
		if q, _, ok := t.phases[i].shape(&t.p, &s); ok {
			n = max(n, pool.Threads()*newConvTiling(t.phases[i].conv.mk, &t.phases[i].conv.p, &q, true, pool.Threads()).scratch())
		}
	}
	return n
}

// Run computes dst from src, like Conv.Run.
func (t *ConvTranspose) Run(pool *Pool, scratch, dst, src []float32, s ConvShape) error {
	if err := t.p.checkShape(&s, len(dst), len(src)); err != nil {
		return err
	}
	if !t.covered {
		plane := product(s.Out)
		for i := range s.Batch * t.p.Out {
			row := dst[i*plane:][:plane]
			clear(row)
			clampRow(row, t.bias[i%t.p.Out], t.lo, t.hi)
		}
	}
	for i := range t.phases {
		if q, first, ok := t.phases[i].shape(&t.p, &s); ok {
			sink := scatter{p: &t.p, s: &s, q: &q, first: first, dst: dst, plane: product(s.Out)}
			t.phases[i].conv.run(pool, scratch, dst, src, &q, &sink)
		}
	}
	return nil
}

// shape gives the sizes of the phase's convolution and the first output of the phase along each axis. ok is false if
// the output has none.
func (f *convPhase) shape(p *ConvParams, s *ConvShape) (q ConvShape, first []int, ok bool) {
	q = ConvShape{Batch: s.Batch, In: s.In}
	for i, stride := range p.Strides {
		o := f.residue[i] - s.Pad[i]%stride
		if o < 0 {
			o += stride
		}
		if o >= stride {
			o -= stride
		}
		if o >= s.Out[i] {
			return q, nil, false
		}
		first = append(first, o)
		q.Out = append(q.Out, (s.Out[i]-o+stride-1)/stride)
		// Tap j (not flipped) of output number n of the phase meets input (o + pad − first·dilation)/stride + n − j·d, a
		// whole number; the flipped convolution's tap 0 is the last of them.
		c := &f.conv.p
		q.Pad = append(q.Pad, (c.Kernel[i]-1)*c.Dilations[i]-(o+s.Pad[i]-f.first[i]*p.Dilations[i])/stride)
	}
	return q, first, true
}

// scatter puts the tiles of a phase where they belong among the other phases.
type scatter struct {
	p     *ConvParams
	s, q  *ConvShape
	first []int
	dst   []float32
	plane int
}

func (k *scatter) blockwise() bool { return false }

func (k *scatter) take(w *convWorker, image, group, m0, rows, j0, cols int, _, _ bool) {
	last := len(k.q.Out) - 1
	width, stride := k.q.Out[last], k.p.Strides[last]
	base := ((image*k.p.Groups+group)*(k.p.Out/k.p.Groups) + m0) * k.plane
	for col := 0; col < cols; {
		x := (j0 + col) % width
		n := min(width-x, cols-col)
		at := base + k.rowAt((j0+col)/width) + k.first[last] + x*stride
		for m := range rows {
			to := at + m*k.plane
			for _, v := range w.tile[m*cols+col:][:n] {
				k.dst[to] = v
				to += stride
			}
		}
		col += n
	}
}

// rowAt gives where an output row of the phase begins in a channel of the output.
func (k *scatter) rowAt(row int) int {
	at, size := 0, k.s.Out[len(k.s.Out)-1]
	for i := len(k.q.Out) - 2; i >= 0; i-- {
		o := k.first[i] + row%k.q.Out[i]*k.p.Strides[i]
		row /= k.q.Out[i]
		at += o * size
		size *= k.s.Out[i]
	}
	return at
}
