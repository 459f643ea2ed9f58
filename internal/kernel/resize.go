package kernel

import "slices"

// Resize resamples an array: taps[k] says how axis k changes, or is nil where it stays as long as in[k]. dst has the
// resized shape. What lies outside the source on any axis becomes fill.
//
// Axes are resampled one after the other, those that shrink first, so that no intermediate array is larger than both
// src and dst; the usual case, the rows and columns of images, is done in one go.
func Resize[F Floating](p *Pool, dst, src []F, in []int, taps []*Taps[F], fill F) {
	if len(dst) == 0 {
		return
	}
	rank := len(in)
	var order []int
	for k := rank - 1; k >= 0; k-- {
		if taps[k] != nil {
			order = append(order, k)
		}
	}
	if len(order) == 2 && order[1] == rank-2 && taps[rank-2].Width <= maxFused {
		resizeImages(p, dst, src, elements(in[:rank-2]), taps[rank-2], taps[rank-1])
		fillOutside(p, dst, in, taps, fill)
		return
	}
	slices.SortStableFunc(order, func(a, b int) int { return grows(taps[a]) - grows(taps[b]) })
	shape := slices.Clone(in)
	from := src
	for i, k := range order {
		outer, inner := elements(shape[:k]), elements(shape[k+1:])
		shape[k] = taps[k].Out
		to := dst
		if i < len(order)-1 {
			to = make([]F, elements(shape))
		}
		if inner == 1 {
			resizeLines(p, to, from, outer, taps[k])
		} else {
			resizeAxis(p, to, from, outer, inner, taps[k])
		}
		from = to
	}
	if len(order) == 0 {
		copy(dst, src)
	}
	fillOutside(p, dst, in, taps, fill)
}

func grows[F Floating](t *Taps[F]) int {
	if t.Out > t.In {
		return 1
	}
	return 0
}

func elements(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func resized[F Floating](in []int, taps []*Taps[F], k int) int {
	if taps[k] == nil {
		return in[k]
	}
	return taps[k].Out
}

// rowsAtOnce is how many rows of an image one piece of work has: enough for neighbours to share resized source rows.
const rowsAtOnce = 32

// maxFused is the largest number of resized source rows that resizeImages keeps.
const maxFused = 8

// resizeImages resamples the rows and columns of planes images. A source row is first resized to its new width, kept
// for the next output rows that need it, and then the output row is blended from those.
func resizeImages[F Floating](p *Pool, dst, src []F, planes int, ty, tx *Taps[F]) {
	cache := make([]rowCache[F], p.Threads())
	pieces := (ty.Out + rowsAtOnce - 1) / rowsAtOnce
	p.For(planes*pieces, max(1, rowGrain(tx.Out)/rowsAtOnce), func(worker, lo, hi int) {
		c := &cache[worker]
		c.prepare(ty.Width, tx)
		for i := lo; i < hi; i++ {
			plane, top := i/pieces, i%pieces*rowsAtOnce
			image := src[plane*ty.In*tx.In:][:ty.In*tx.In]
			c.forget()
			for y := top; y < min(ty.Out, top+rowsAtOnce); y++ {
				c.gather(image, ty.Index[y*ty.Width:][:ty.Width])
				blend(dst[(plane*ty.Out+y)*tx.Out:][:tx.Out], c.rows, ty.Weight[y*ty.Width:][:ty.Width])
			}
		}
	})
}

// rowCache holds the resized source rows that an output row is made of.
type rowCache[F Floating] struct {
	tx   *Taps[F]
	held []int32 // which source row each slot holds, or −1
	slot [][]F
	rows [][]F // the slots in the order of the taps
}

func (c *rowCache[F]) prepare(depth int, tx *Taps[F]) {
	if c.rows != nil {
		return
	}
	c.tx, c.held, c.rows = tx, make([]int32, depth), make([][]F, depth)
	memory := make([]F, depth*tx.Out)
	for k := range depth {
		c.slot = append(c.slot, memory[k*tx.Out:][:tx.Out])
	}
}

func (c *rowCache[F]) forget() {
	for k := range c.held {
		c.held[k] = -1
	}
}

// gather makes rows the source rows of index, resized. A slot is given up only if its row is not wanted.
func (c *rowCache[F]) gather(image []F, index []int32) {
	for k, y := range index {
		s := slices.Index(c.held, y)
		if s < 0 {
			s = slices.IndexFunc(c.held, func(h int32) bool { return !slices.Contains(index, h) })
			c.tx.line(c.slot[s], image[int(y)*c.tx.In:][:c.tx.In])
			c.held[s] = y
		}
		c.rows[k] = c.slot[s]
	}
}

// line resamples one line.
func (t *Taps[F]) line(dst, src []F) {
	if t.pairs != nil {
		t.pairs.line(dst, src)
		return
	}
	for x := range dst {
		var sum F
		weight := t.Weight[x*t.Width:][:t.Width]
		for k, i := range t.Index[x*t.Width:][:t.Width] {
			sum += src[i] * weight[k]
		}
		dst[x] = sum
	}
}

// resizeLines resamples the last axis of an array of lines.
func resizeLines[F Floating](p *Pool, dst, src []F, lines int, t *Taps[F]) {
	p.For(lines, rowGrain(t.Out*t.Width), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			t.line(dst[i*t.Out:][:t.Out], src[i*t.In:][:t.In])
		}
	})
}

// blend writes the weighted sum of rows.
func blend[F Floating](dst []F, rows [][]F, weight []F) {
	if len(rows) == 2 {
		if to, ok := any(dst).([]float32); ok {
			blendRow(to, any(rows[0]).([]float32), any(rows[1]).([]float32), float32(weight[0]), float32(weight[1]))
			return
		}
		a, b := rows[0][:len(dst)], rows[1][:len(dst)]
		wa, wb := weight[0], weight[1]
		for x := range dst {
			dst[x] = a[x]*wa + b[x]*wb
		}
		return
	}
	for x, v := range rows[0][:len(dst)] {
		dst[x] = v * weight[0]
	}
	for k := 1; k < len(rows); k++ {
		w := weight[k]
		for x, v := range rows[k][:len(dst)] {
			dst[x] += v * w
		}
	}
}

// resizeAxis resamples the middle one of three axes (outer × t.In × inner).
func resizeAxis[F Floating](p *Pool, dst, src []F, outer, inner int, t *Taps[F]) {
	blocks := (inner + planePiece - 1) / planePiece
	p.For(outer*t.Out*blocks, rowGrain(t.Width*min(inner, planePiece)), func(_, lo, hi int) {
		rows := make([][]F, t.Width)
		for i := lo; i < hi; i++ {
			o, y, x := i/blocks/t.Out, i/blocks%t.Out, i%blocks*planePiece
			n := min(planePiece, inner-x)
			for k, at := range t.Index[y*t.Width:][:t.Width] {
				rows[k] = src[(o*t.In+int(at))*inner+x:][:n]
			}
			blend(dst[(o*t.Out+y)*inner+x:][:n], rows, t.Weight[y*t.Width:][:t.Width])
		}
	})
}

// fillOutside overwrites what lies outside the source on any axis.
func fillOutside[T any, F Floating](p *Pool, dst []T, in []int, taps []*Taps[F], fill T) {
	if !slices.ContainsFunc(taps, func(t *Taps[F]) bool { return t != nil && slices.Contains(t.Outside, true) }) {
		return
	}
	last := len(in) - 1
	width := resized(in, taps, last)
	p.For(len(dst)/width, rowGrain(width), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			row := dst[r*width:][:width]
			outside := false
			for k, o := last-1, r; k >= 0; k-- {
				n := resized(in, taps, k)
				outside = outside || taps[k].outside(o%n)
				o /= n
			}
			for x := range row {
				if outside || taps[last].outside(x) {
					row[x] = fill
				}
			}
		}
	})
}

func (t *Taps[F]) outside(o int) bool { return t != nil && t.Outside != nil && t.Outside[o] }

// ResizeNearest is Resize for taps of one element, whatever the elements are.
func ResizeNearest[T any](p *Pool, dst, src []T, in []int, taps []*Taps[float32], fill T) {
	if len(dst) == 0 {
		return
	}
	last := len(in) - 1
	width := resized(in, taps, last)
	p.For(len(dst)/width, rowGrain(width), func(_, lo, hi int) {
		before := -1
		for r := lo; r < hi; r++ {
			at, stride := 0, in[last]
			for k, o := last-1, r; k >= 0; k-- {
				n := resized(in, taps, k)
				i := o % n
				if t := taps[k]; t != nil {
					i = int(t.Index[i])
				}
				at += i * stride
				stride *= in[k]
				o /= n
			}
			row := dst[r*width:][:width]
			switch from := src[at:][:in[last]]; {
			case at == before: // the row above is made of the same source row
				copy(row, dst[(r-1)*width:][:width])
			case taps[last] == nil:
				copy(row, from)
			default:
				for x, i := range taps[last].Index {
					row[x] = from[i]
				}
			}
			before = at
		}
	})
	fillOutside(p, dst, in, taps, fill)
}
