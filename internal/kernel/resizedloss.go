package kernel

import (
	"fmt"
	"math"
)

// ResizedLoss is the mean cross-entropy of the softmax of resized logits, and its gradient, without the resized logits
// ever being held: row by row they are interpolated, compared with the labels, and their gradient is taken back.
//
// Logits are [Classes][N][H][W], labels [N][Y.Out][X.Out]. With Weights, the mean is weighted by those of the pixels'
// labels; with Smoothing s, a pixel's target is 1 − s for its label, plus s/Classes for every class (as PyTorch's
// cross_entropy has both).
type ResizedLoss[T Float] struct {
	Classes, N, H, W int
	Y, X             *Taps[T] // nil leaves an axis as it is
	Ignore           uint8
	Smoothing        float64
	Weights          []float64 // by class; nil means 1 each

	back  *reverseTaps[T]
	tasks []lossTask[T]
}

// lossBands is how many bands of rows an image is cut into, at most.
const lossBands = 8

// lossTask is what one band gives.
type lossTask[T Float] struct {
	image, y0, y1 int // rows of the labels
	r0, r1        int // rows of the logits that they are made of
	grad          []T // [Classes][r1 − r0][W]
	loss          float64
}

// lossRows is what one thread works in: rows of all classes.
type lossRows[T Float] struct {
	short, wide, back []T
	top, sum          []float64
	exps              []float64
}

func (l *ResizedLoss[T]) size() (h, w int) {
	h, w = l.H, l.W
	if l.Y != nil {
		h = l.Y.Out
	}
	if l.X != nil {
		w = l.X.Out
	}
	return h, w
}

// prepare cuts the bands.
func (l *ResizedLoss[T]) prepare() {
	if l.tasks != nil {
		return
	}
	if l.X != nil {
		l.back = reverse(l.X)
	}
	h, _ := l.size()
	bands := min(lossBands, h)
	for n := range l.N {
		for b := range bands {
			t := lossTask[T]{image: n, y0: b * h / bands, y1: (b + 1) * h / bands, r0: math.MaxInt}
			for y := t.y0; y < t.y1; y++ {
				l.rows(y, func(r int, _ T) { t.r0, t.r1 = min(t.r0, r), max(t.r1, r+1) })
			}
			t.r0 = min(t.r0, t.r1)
			t.grad = make([]T, l.Classes*(t.r1-t.r0)*l.W)
			l.tasks = append(l.tasks, t)
		}
	}
}

// rows calls body for the rows of the logits that row y is made of.
func (l *ResizedLoss[T]) rows(y int, body func(r int, weight T)) {
	if l.Y == nil {
		body(y, 1)
		return
	}
	if l.Y.outside(y) {
		return
	}
	for k := range l.Y.Width {
		w := T(1)
		if l.Y.Weight != nil {
			w = l.Y.Weight[y*l.Y.Width+k]
		}
		if w != 0 {
			body(int(l.Y.Index[y*l.Y.Width+k]), w)
		}
	}
}

// Run gives the loss and writes its gradient to grad, if that is not nil. If no pixel counts, both are 0. A label that is
// neither Ignore nor below Classes is an error.
func (l *ResizedLoss[T]) Run(p *Pool, grad, logits []T, labels []uint8) (loss float64, err error) {
	h, w := l.size()
	if len(labels) != l.N*h*w {
		return 0, fmt.Errorf("%d labels, want %d×%d×%d", len(labels), l.N, h, w)
	}
	var counts [256]int
	for _, v := range labels {
		counts[v]++
	}
	total := 0.0
	for v, n := range counts {
		switch {
		case n == 0 || v == int(l.Ignore):
		case v >= l.Classes:
			return 0, fmt.Errorf("%d pixels have label %d, want one below %d, the number of classes, or %d, which is ignored", n, v, l.Classes, l.Ignore)
		default:
			total += float64(n) * l.weight(v)
		}
	}
	if total == 0 {
		clear(grad)
		return 0, nil
	}
	l.prepare()
	workers := make([]lossRows[T], p.Threads())
	p.For(len(l.tasks), 1, func(worker, lo, hi int) {
		for i := lo; i < hi; i++ {
			l.band(&workers[worker], &l.tasks[i], logits, labels, 1/total, grad != nil)
		}
	})
	for i := range l.tasks {
		loss += l.tasks[i].loss
	}
	if grad == nil {
		return loss / total, nil
	}
	plane := l.H * l.W
	p.For(l.Classes*l.N, 1, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			c, n := i/l.N, i%l.N
			dst := grad[i*plane:][:plane]
			clear(dst)
			for k := range l.tasks {
				if t := &l.tasks[k]; t.image == n {
					rows := (t.r1 - t.r0) * l.W
					AddTo(dst[t.r0*l.W:][:rows], t.grad[c*rows:][:rows])
				}
			}
		}
	})
	return loss / total, nil
}

func (l *ResizedLoss[T]) weight(class int) float64 {
	if len(l.Weights) == 0 {
		return 1
	}
	return l.Weights[class]
}

func (l *ResizedLoss[T]) band(w *lossRows[T], t *lossTask[T], logits []T, labels []uint8, scale float64, back bool) {
	_, width := l.size()
	if w.top == nil {
		w.short, w.wide = make([]T, l.Classes*l.W), make([]T, l.Classes*width)
		w.back = make([]T, l.W)
		w.top, w.sum, w.exps = make([]float64, width), make([]float64, width), make([]float64, l.Classes*width)
	}
	t.loss = 0
	clear(t.grad)
	h, _ := l.size()
	for y := t.y0; y < t.y1; y++ {
		row := labels[(t.image*h+y)*width:][:width]
		for c := range l.Classes {
			short := w.short[c*l.W:][:l.W]
			clear(short)
			l.rows(y, func(r int, weight T) {
				Axpy(short, weight, logits[((c*l.N+t.image)*l.H+r)*l.W:][:l.W])
			})
			if wide := w.wide[c*width:][:width]; l.X != nil {
				l.X.line(wide, short)
			} else {
				copy(wide, short)
			}
		}
		t.loss += l.row(w, row, scale, back)
		if !back {
			continue
		}
		rows := t.r1 - t.r0
		for c := range l.Classes {
			narrow := w.wide[c*width:][:width]
			if l.X != nil {
				l.back.line(w.back, narrow)
				narrow = w.back
			}
			l.rows(y, func(r int, weight T) {
				Axpy(t.grad[(c*rows+r-t.r0)*l.W:][:l.W], weight, narrow)
			})
		}
	}
}

// row gives the loss of a row of pixels, not yet divided by the number of them, and replaces the logits in w.wide by
// their gradient, scaled.
func (l *ResizedLoss[T]) row(w *lossRows[T], labels []uint8, scale float64, back bool) (loss float64) {
	width := len(labels)
	top, sum := w.top[:width], w.sum[:width]
	for x := range top {
		top[x], sum[x] = math.Inf(-1), 0
	}
	for c := range l.Classes {
		for x, v := range w.wide[c*width:][:width] {
			top[x] = max(top[x], float64(v))
		}
	}
	for c := range l.Classes {
		exps := w.exps[c*width:][:width]
		for x, v := range w.wide[c*width:][:width] {
			e := lossExp[T](float64(v) - top[x])
			exps[x] = e
			sum[x] += e
		}
	}
	even := l.Smoothing / float64(l.Classes)
	all := 0.0 // of the weights
	for c := range l.Classes {
		all += l.weight(c)
	}
	for x, label := range labels {
		if label == l.Ignore {
			continue
		}
		log := math.Log(sum[x]) + top[x]
		own := l.weight(int(label)) * (1 - l.Smoothing)
		loss += own * (log - float64(w.wide[int(label)*width+x]))
		if even > 0 {
			for c := range l.Classes {
				loss += even * l.weight(c) * (log - float64(w.wide[c*width+x]))
			}
		}
	}
	if !back {
		return loss
	}
	// Σ targets · scale / Σ exp, by which the exponentials become gradients; 0 where the pixel does not count.
	for x, label := range labels {
		if label == l.Ignore {
			sum[x] = 0
		} else {
			sum[x] = scale * (l.weight(int(label))*(1-l.Smoothing) + even*all) / sum[x]
		}
	}
	for c := range l.Classes {
		exps, d := w.exps[c*width:][:width], w.wide[c*width:][:width]
		if even == 0 {
			for x, e := range exps {
				d[x] = T(e * sum[x])
			}
			continue
		}
		less := even * l.weight(c) * scale
		for x, e := range exps {
			g := e * sum[x]
			if labels[x] != l.Ignore {
				g -= less
			}
			d[x] = T(g)
		}
	}
	for x, label := range labels {
		if label != l.Ignore {
			at := int(label)*width + x
			w.wide[at] = T(w.exps[at]*sum[x] - scale*(l.weight(int(label))*(1-l.Smoothing)) - l.less(int(label), scale))
		}
	}
	return loss
}

func (l *ResizedLoss[T]) less(class int, scale float64) float64 {
	return l.Smoothing / float64(l.Classes) * l.weight(class) * scale
}

// lossExp is eˣ for x ≤ 0: for float64, the type of gradient checks, as exact as can be.
func lossExp[T Float](x float64) float64 {
	if _, ok := any(*new(T)).(float32); ok {
		return exp64(x)
	}
	return math.Exp(x)
}
