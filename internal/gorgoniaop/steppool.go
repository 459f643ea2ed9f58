package gorgoniaop

import (
	"fmt"

	"autodeeplab/internal/kernel"
)

// PoolSpec is a maximum or mean over windows. Padding never wins a maximum; in a mean it counts only with CountPadding.
type PoolSpec struct {
	Name         string
	Max          bool
	Y, X         Axis
	CountPadding bool
	// EndY and EndX are the padding behind the image, which CountPadding takes note of.
	EndY, EndX int
}

// Pool adds the pooling of x. A window must meet the image.
func (n *Net[T]) Pool(s PoolSpec, x *Feature[T]) (*Feature[T], error) {
	if x.H != s.Y.In || x.W != s.X.In || s.Y.Out < 1 || s.X.Out < 1 || s.Y.Kernel*s.X.Kernel > 256 {
		return nil, fmt.Errorf("pool %s: an image of %d×%d for axes %v and %v, want windows of at most 256", s.Name, x.H, x.W, s.Y, s.X)
	}
	p := &poolStep[T]{PoolSpec: s}
	return n.add(p, false, x.C, s.Y.Out, s.X.Out, x), nil
}

type poolStep[T kernel.Float] struct {
	ends[T]
	PoolSpec
	which []uint8 // the tap that each maximum came from
}

func (s *poolStep[T]) String() string { return "Pool " + s.Name }

func (s *poolStep[T]) plan(*planner[T]) {
	if s.Max {
		s.which = make([]uint8, s.out.Size())
	}
}

// taps gives the taps [lo, hi) of output o that lie in the image.
func (a *Axis) taps(o int) (lo, hi int) {
	at := o*a.Stride - a.Begin
	for hi = a.Kernel; hi > 0 && at+(hi-1)*a.Dilation >= a.In; hi-- {
	}
	for lo < hi && at+lo*a.Dilation < 0 {
		lo++
	}
	return lo, hi
}

// eachWindow calls body for every output of a plane, with the taps of its window that lie in the image, rows [y0, y1)
// and columns [x0, x1), and where tap 0 lies in the plane.
func (s *poolStep[T]) eachWindow(body func(o, at, y0, y1, x0, x1 int)) {
	o := 0
	for y := range s.Y.Out {
		y0, y1 := s.Y.taps(y)
		for x := range s.X.Out {
			x0, x1 := s.X.taps(x)
			body(o, (y*s.Y.Stride-s.Y.Begin)*s.X.In+x*s.X.Stride-s.X.Begin, y0, y1, x0, x1)
			o++
		}
	}
}

// share is what one element counts in the mean of a window.
func (s *poolStep[T]) share(o, y0, y1, x0, x1 int) T {
	if !s.CountPadding {
		return 1 / T(max((y1-y0)*(x1-x0), 1))
	}
	inside := func(a *Axis, end, o int) (n int) {
		for k := range a.Kernel {
			if at := o*a.Stride - a.Begin + k*a.Dilation; at < a.In+end {
				n++
			}
		}
		return n
	}
	return 1 / T(inside(&s.Y, s.EndY, o/s.X.Out)*inside(&s.X, s.EndX, o%s.X.Out))
}

func (s *poolStep[T]) forward(n *Net[T]) error {
	x, y := s.in[0], s.out
	in, out := x.H*x.W, y.H*y.W
	dy, dx := s.Y.Dilation*s.X.In, s.X.Dilation
	n.env.each(x.C*x.N, func(_ *worker[T], i int) {
		src, dst := x.values[i*in:][:in], y.values[i*out:][:out]
		if s.Max {
			which := s.which[i*out:][:out]
			s.eachWindow(func(o, at, y0, y1, x0, x1 int) {
				best, tap := src[at+y0*dy+x0*dx], y0*s.X.Kernel+x0
				for ky := y0; ky < y1; ky++ {
					for kx := x0; kx < x1; kx++ {
						if v := src[at+ky*dy+kx*dx]; !(v <= best) && best == best {
							best, tap = v, ky*s.X.Kernel+kx
						}
					}
				}
				dst[o], which[o] = best, uint8(tap)
			})
			return
		}
		s.eachWindow(func(o, at, y0, y1, x0, x1 int) {
			sum := T(0)
			for ky := y0; ky < y1; ky++ {
				for kx := x0; kx < x1; kx++ {
					sum += src[at+ky*dy+kx*dx]
				}
			}
			dst[o] = sum * s.share(o, y0, y1, x0, x1)
		})
	})
	return nil
}

func (s *poolStep[T]) backward(n *Net[T]) error {
	x, y := s.in[0], s.out
	if !x.learns {
		return nil
	}
	grads, add := x.gradient()
	in, out := x.H*x.W, y.H*y.W
	dy, dx := s.Y.Dilation*s.X.In, s.X.Dilation
	n.env.each(x.C*x.N, func(_ *worker[T], i int) {
		to, from := grads[i*in:][:in], y.grads[i*out:][:out]
		if !add {
			clear(to)
		}
		if s.Max {
			which := s.which[i*out:][:out]
			s.eachWindow(func(o, at, y0, y1, x0, x1 int) {
				t := int(which[o])
				to[at+t/s.X.Kernel*dy+t%s.X.Kernel*dx] += from[o]
			})
			return
		}
		s.eachWindow(func(o, at, y0, y1, x0, x1 int) {
			v := from[o] * s.share(o, y0, y1, x0, x1)
			for ky := y0; ky < y1; ky++ {
				for kx := x0; kx < x1; kx++ {
					to[at+ky*dy+kx*dx] += v
				}
			}
		})
	})
	return nil
}
