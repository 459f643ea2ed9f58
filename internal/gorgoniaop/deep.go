package gorgoniaop

import "autodeeplab/internal/kernel"

// deep is the arithmetic of a depthwise convolution: each channel has a kernel of its own.
//
// A channel of the whole batch is laid out by kernel.Border, on a grid that holds both the image and the outputs' places
// in it, so that a tap is one offset for all outputs. With a stride all places are computed and every stride-th is taken:
// a network has few such convolutions.
type deep[T kernel.Float] struct {
	channels, n int
	y, x        Axis
	border      kernel.Border
	taps, back  []int // offsets of the taps, and the same mirrored
}

func newDeep[T kernel.Float](channels, n int, y, x Axis) *deep[T] {
	d := &deep[T]{channels: channels, n: n, y: y, x: x}
	pad := 0
	for _, a := range []Axis{y, x} {
		pad = max(pad, a.Begin, (a.Kernel-1)*a.Dilation-a.Begin, -a.Begin)
	}
	grid := func(a Axis) int { return max(a.In, (a.Out-1)*a.Stride+1) }
	d.border = kernel.Border{N: n, H: grid(y), W: grid(x), Pad: pad}
	for ky := range y.Kernel {
		for kx := range x.Kernel {
			at := d.border.Offset(ky*y.Dilation-y.Begin, kx*x.Dilation-x.Begin)
			d.taps, d.back = append(d.taps, at), append(d.back, -at)
		}
	}
	return d
}

// spread lays images of h×w, which stand stride apart in the grid, out in slab slot of w.
func (d *deep[T]) spread(w *worker[T], slot int, images []T, h, width int, sy, sx int) []T {
	run := w.slab(slot, d.border.Len())
	clear(run)
	first, row := d.border.First(), d.border.Stride()
	image := (d.border.H + d.border.Pad) * row
	for n := range d.n {
		for y := range h {
			from, at := images[(n*h+y)*width:][:width], first+n*image+y*sy*row
			if sx == 1 {
				copy(run[at:], from)
				continue
			}
			for _, v := range from {
				run[at] = v
				at += sx
			}
		}
	}
	return run
}

// pick is the inverse of spread.
func (d *deep[T]) pick(images, run []T, h, width int, sy, sx int, add bool) {
	first, row := d.border.First(), d.border.Stride()
	image := (d.border.H + d.border.Pad) * row
	for n := range d.n {
		for y := range h {
			to, at := images[(n*h+y)*width:][:width], first+n*image+y*sy*row
			switch {
			case sx == 1 && add:
				kernel.AddTo(to, run[at:])
			case sx == 1:
				copy(to, run[at:])
			case add:
				for i := range to {
					to[i] += run[at]
					at += sx
				}
			default:
				for i := range to {
					to[i] = run[at]
					at += sx
				}
			}
		}
	}
}

// input and outputs give one channel laid out.
func (d *deep[T]) input(w *worker[T], slot int, x []T, c int) []T {
	return d.spread(w, slot, x[c*d.n*d.y.In*d.x.In:], d.y.In, d.x.In, 1, 1)
}

func (d *deep[T]) outputs(w *worker[T], slot int, y []T, c int) []T {
	return d.spread(w, slot, y[c*d.n*d.y.Out*d.x.Out:], d.y.Out, d.x.Out, d.y.Stride, d.x.Stride)
}

func (d *deep[T]) forward(env *Env[T], dst, x, weights []T) {
	first, span, taps := d.border.First(), d.border.Span(), len(d.taps)
	env.each(d.channels, func(w *worker[T], c int) {
		sums := w.slab(1, d.border.Len())
		kernel.ShiftSum(sums[first:first+span], d.input(w, 0, x, c), first, d.taps, weights[c*taps:][:taps])
		d.pick(dst[c*d.n*d.y.Out*d.x.Out:], sums, d.y.Out, d.x.Out, d.y.Stride, d.x.Stride, false)
	})
}

// weightGrad adds the gradient of the weights to dw.
func (d *deep[T]) weightGrad(env *Env[T], dw, x, dy []T) {
	first, span, taps := d.border.First(), d.border.Span(), len(d.taps)
	env.each(d.channels, func(w *worker[T], c int) {
		grads := d.outputs(w, 1, dy, c)
		kernel.ShiftDots(dw[c*taps:][:taps], grads[first:first+span], d.input(w, 0, x, c), first, d.taps)
	})
}

func (d *deep[T]) imageGrad(env *Env[T], dx, weights, dy []T, add bool) {
	first, span, taps := d.border.First(), d.border.Span(), len(d.taps)
	env.each(d.channels, func(w *worker[T], c int) {
		sums := w.slab(1, d.border.Len())
		kernel.ShiftSum(sums[first:first+span], d.outputs(w, 0, dy, c), first, d.back, weights[c*taps:][:taps])
		d.pick(dx[c*d.n*d.y.In*d.x.In:], sums, d.y.In, d.x.In, 1, 1, add)
	})
}
