package evaluate

import (
	"math"
	"sort"
)

// A view is the picture at a scale. Its corners lie on the picture's, and pixels between are interpolated without a
// filter, as the paper's own evaluation does (tf.image.resize_bilinear with align_corners): pixel x of n lies at
// x·(m−1)/(n−1) of m. Windows cut a view, axis by axis.

// viewSide is the side of a view: ⌊(n−1)·scale⌋ + 1, so that sides of k·stride + 1 stay such where they can (the
// authors' rule, as in compile's networks of several scales).
func viewSide(n int, scale float64) int {
	const rounding = 1e-6 // (n−1)·scale may fall short of the whole number that it is
	return int(math.Floor(float64(n-1)*scale+rounding)) + 1
}

// between is where pixel x of an axis of n lies on the same axis at m.
func between(x, n, m int) float64 {
	if n == 1 || n == m {
		return float64(x)
	}
	return float64(x) * float64(m-1) / float64(n-1)
}

// window is a part of a view on one axis.
type window struct {
	start int // its first pixel of the view
	// lo…hi−1 are the picture's pixels that it decides, at their places in the window, in its pixels.
	lo, hi int
	at     []float64
	// share that it has in each of them: 1 over the number of windows that cover it.
	share []float32
}

// axis is how windows cover one axis.
type axis struct {
	picture, view int // pixels
	size          int // of a window: of the network's input
	windows       []window
}

// newAxis lays windows of a size over a view, each overlapping the one before by a share of its size; the last is moved
// back to end where the view does. A view smaller than the window has one, which is padded. Size 0 is the whole view.
// If exclusive, every pixel is decided by one window, whose border with the next is in the middle of their overlap;
// else by all that cover it.
func newAxis(picture, view, size int, overlap float64, exclusive bool) axis {
	if size == 0 {
		size = view
	}
	a := axis{picture: picture, view: view, size: size}
	stride := max(1, int(math.Round(float64(size)*(1-overlap))))
	starts := []int{0}
	for end := size; end < view; end = starts[len(starts)-1] + size {
		starts = append(starts, min(starts[len(starts)-1]+stride, view-size))
	}
	covering := make([]int, picture)
	for k, start := range starts {
		// From first up to before end, pixel centres being whole numbers; none is left out between two windows without overlap.
		first, end := float64(start)-0.5, float64(start+size)-0.5
		if exclusive && k > 0 {
			first = float64(starts[k-1]+size+start)/2 - 0.5
		}
		if exclusive && k < len(starts)-1 {
			end = float64(start+size+starts[k+1])/2 - 0.5
		}
		last := float64(min(size, view-start) - 1) // beyond it lies padding
		w := window{start: start}
		w.lo = sort.Search(picture, func(i int) bool { return k == 0 || between(i, picture, view) >= first })
		w.hi = sort.Search(picture, func(i int) bool { return k < len(starts)-1 && between(i, picture, view) >= end })
		for i := w.lo; i < w.hi; i++ {
			w.at = append(w.at, min(max(between(i, picture, view)-float64(start), 0), last))
			covering[i]++
		}
		a.windows = append(a.windows, w)
	}
	for k := range a.windows {
		w := &a.windows[k]
		for i := w.lo; i < w.hi; i++ {
			w.share = append(w.share, 1/float32(covering[i]))
		}
	}
	return a
}

// job is one window of one view, to be run as it is or mirrored.
type job struct {
	rows, columns *axis
	row, column   *window
	mirrored      bool
}

// plan lists the windows of all views of a picture, by the first row that they decide: rows above that of the next job
// are then done with.
func (p *predictor) plan(h, w int) []job {
	var jobs []job
	scales := p.options.Scales
	if len(scales) == 0 {
		scales = []float64{1}
	}
	windowH, windowW := p.window()
	for _, scale := range scales {
		rows := newAxis(h, viewSide(h, scale), windowH, p.options.Overlap, p.model.Labels())
		columns := newAxis(w, viewSide(w, scale), windowW, p.options.Overlap, p.model.Labels())
		for i := range rows.windows {
			for k := range columns.windows {
				j := job{rows: &rows, columns: &columns, row: &rows.windows[i], column: &columns.windows[k]}
				if j.row.lo == j.row.hi || j.column.lo == j.column.hi {
					continue
				}
				jobs = append(jobs, j)
				if p.options.Flip {
					j.mirrored = true
					jobs = append(jobs, j)
				}
			}
		}
	}
	sort.SliceStable(jobs, func(a, b int) bool { return jobs[a].row.lo < jobs[b].row.lo })
	return jobs
}
