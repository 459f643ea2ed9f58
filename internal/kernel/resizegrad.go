package kernel

// ResizeGrad writes the gradient of Resize with respect to its source: dst, of shape in, gets of every element of dy,
// which has the resized shape, the share that Resize gave it with the same taps. Positions outside the source have none.
// dst and dy must not overlap. Where several axes change, scratch holds what lies in between; it may be short or nil, and
// then memory is allocated.
//
// Axes are taken in their order, and each element gathers its shares in the order of the resized axis: the result does
// not depend on the number of threads.
func ResizeGrad[T Float](p *Pool, scratch, dst, dy []T, in []int, taps []*Taps[T]) {
	shape, last := make([]int, len(in)), -1
	for k := range in {
		shape[k] = resized(in, taps, k)
		if taps[k] != nil {
			last = k
		}
	}
	from := dy
	for k, t := range taps {
		if t == nil {
			continue
		}
		outer, inner := elements(shape[:k]), elements(shape[k+1:])
		shape[k] = t.In
		to := dst
		if n := elements(shape); k < last {
			if len(scratch) < n {
				scratch = make([]T, n)
			}
			to, scratch = scratch[:n], scratch[n:]
		}
		gatherAxis(p, to, from, outer, inner, reverse(t))
		from = to
	}
	if last < 0 {
		copy(dst, dy)
	}
}

// reverseTaps are Taps seen from the source: position i of the source axis is what the positions to[first[i]:first[i+1]]
// of the resized axis are made of, with these weights.
type reverseTaps[T Float] struct {
	in, out int
	first   []int32
	to      []int32
	weight  []T
}

// reverse turns taps round. The shares of a source position come in the order of the resized axis, and a position's
// several taps of it in theirs.
func reverse[T Float](t *Taps[T]) *reverseTaps[T] {
	r := &reverseTaps[T]{in: t.In, out: t.Out, first: make([]int32, t.In+1)}
	each := func(body func(o int, at int32, w T)) {
		for o := range t.Out {
			if t.outside(o) {
				continue
			}
			for k := range t.Width {
				w := T(1)
				if t.Weight != nil {
					w = t.Weight[o*t.Width+k]
				}
				if w != 0 {
					body(o, t.Index[o*t.Width+k], w)
				}
			}
		}
	}
	each(func(_ int, at int32, _ T) { r.first[at+1]++ })
	for i := range t.In {
		r.first[i+1] += r.first[i]
	}
	r.to, r.weight = make([]int32, r.first[t.In]), make([]T, r.first[t.In])
	next := append([]int32(nil), r.first...)
	each(func(o int, at int32, w T) {
		r.to[next[at]], r.weight[next[at]] = int32(o), w
		next[at]++
	})
	return r
}

// gatherAxis sums up the middle one of three axes (outer × out × inner).
func gatherAxis[T Float](p *Pool, dst, src []T, outer, inner int, r *reverseTaps[T]) {
	shares := max(len(r.to)/max(r.in, 1), 1)
	if inner == 1 {
		p.For(outer, rowGrain(r.in*shares), func(_, lo, hi int) {
			for o := lo; o < hi; o++ {
				r.line(dst[o*r.in:][:r.in], src[o*r.out:][:r.out])
			}
		})
		return
	}
	p.For(outer*r.in, rowGrain(inner*shares), func(_, lo, hi int) {
		for row := lo; row < hi; row++ {
			o, i := row/r.in, row%r.in
			to := dst[row*inner:][:inner]
			clear(to)
			for k := r.first[i]; k < r.first[i+1]; k++ {
				Axpy(to, r.weight[k], src[(o*r.out+int(r.to[k]))*inner:][:inner])
			}
		}
	})
}

// line gathers one line of the last axis.
func (r *reverseTaps[T]) line(dst, src []T) {
	for i := range dst {
		var sum T
		from, to := r.first[i], r.first[i+1]
		weight := r.weight[from:to]
		for k, o := range r.to[from:to] {
			sum += T(weight[k] * src[o])
		}
		dst[i] = sum
	}
}
