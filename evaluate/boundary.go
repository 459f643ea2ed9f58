package evaluate

import (
	"math"
	"sort"

	"autodeeplab/internal/kernel"
)

// Boundary is the boundary F-score of Csurka et al. (What is a good evaluation measure for semantic segmentation?, BMVC
// 2013): for each picture and class, the harmonic mean of the shares of the predicted boundary that lies within a
// distance of the true one, and of the true boundary within that distance of the predicted one.
//
// A pixel is on the boundary of its class if one of its four neighbours has another class. The picture's border is no
// boundary, and neither is the border of what the ground truth ignores: ignored pixels are as if outside the picture, in
// both masks. A picture counts for the classes that have a boundary in either mask; where only one has, the score is 0.
// The score of a class is the mean over those pictures.
type Boundary struct {
	tolerance float64 // share of the diagonal
	sum       []float64
	images    []int
	disc      []offset // of radius
	radius    float64
}

// offset is a step from one pixel to another.
type offset struct{ dy, dx int }

// NewBoundary makes an empty score. tolerance is the distance, Euclidean, as a share of each picture's diagonal; Csurka
// et al. take 0.0075.
func NewBoundary(classes int, tolerance float64) *Boundary {
	return &Boundary{tolerance: tolerance, sum: make([]float64, classes), images: make([]int, classes), radius: -1}
}

// none marks the pixels of a map of boundaries that lie on none.
const none = 255

// Add scores a picture of h × w, whose masks hold classes; pixels whose truth is ignore are left out.
func (b *Boundary) Add(pool *kernel.Pool, prediction, truth []uint8, h, w int, ignore uint8) {
	b.reach(b.tolerance * math.Hypot(float64(h), float64(w)))
	predicted := boundaries(pool, prediction, truth, h, w, ignore)
	actual := boundaries(pool, truth, truth, h, w, ignore)
	right, allRight := b.near(pool, predicted, actual, h, w)
	found, allFound := b.near(pool, actual, predicted, h, w)
	for k := range b.sum {
		if allRight[k] == 0 && allFound[k] == 0 {
			continue
		}
		b.images[k]++
		if right[k] > 0 && found[k] > 0 {
			precision, recall := float64(right[k])/float64(allRight[k]), float64(found[k])/float64(allFound[k])
			b.sum[k] += 2 * precision * recall / (precision + recall)
		}
	}
}

// F is the score of each class, NaN where no picture has a boundary of it.
func (b *Boundary) F() []float64 {
	f := make([]float64, len(b.sum))
	for k := range f {
		f[k] = b.sum[k] / float64(b.images[k])
	}
	return f
}

// reach lists the steps of at most radius pixels, the shortest first: most boundaries are met at once.
func (b *Boundary) reach(radius float64) {
	if radius == b.radius {
		return
	}
	b.radius, b.disc = radius, b.disc[:0]
	n := int(radius)
	for dy := -n; dy <= n; dy++ {
		for dx := -n; dx <= n; dx++ {
			if float64(dy*dy+dx*dx) <= radius*radius {
				b.disc = append(b.disc, offset{dy, dx})
			}
		}
	}
	length := func(o offset) int { return o.dy*o.dy + o.dx*o.dx }
	sort.SliceStable(b.disc, func(i, j int) bool { return length(b.disc[i]) < length(b.disc[j]) })
}

const boundaryRows = 16 // at a time

// boundaries gives the class of the pixels on a boundary of a mask, and none elsewhere.
func boundaries(pool *kernel.Pool, mask, truth []uint8, h, w int, ignore uint8) []uint8 {
	out := make([]uint8, h*w)
	pool.For(h, boundaryRows, func(_, lo, hi int) {
		for y := lo; y < hi; y++ {
			for x := range w {
				i := y*w + x
				other := func(k int) bool { return truth[k] != ignore && mask[k] != mask[i] }
				out[i] = none
				if truth[i] != ignore && (x > 0 && other(i-1) || x < w-1 && other(i+1) || y > 0 && other(i-w) || y < h-1 && other(i+w)) {
					out[i] = mask[i]
				}
			}
		}
	})
	return out
}

// near counts for each class the boundary pixels of one map, and those of them that lie in reach of the same class's
// boundary in another.
func (b *Boundary) near(pool *kernel.Pool, from, to []uint8, h, w int) (hits, all []int) {
	classes := len(b.sum)
	counts := make([][]int, pool.Threads()) // by worker: hits, then all
	pool.For(h, boundaryRows, func(worker, lo, hi int) {
		if counts[worker] == nil {
			counts[worker] = make([]int, 2*classes)
		}
		n := counts[worker]
		for y := lo; y < hi; y++ {
			for x, class := range from[y*w:][:w] {
				if class == none {
					continue
				}
				n[classes+int(class)]++
				for _, o := range b.disc {
					if r, c := y+o.dy, x+o.dx; uint(r) < uint(h) && uint(c) < uint(w) && to[r*w+c] == class {
						n[class]++
						break
					}
				}
			}
		}
	})
	hits, all = make([]int, classes), make([]int, classes)
	for _, n := range counts {
		for k := range n[:len(n)/2] {
			hits[k] += n[k]
			all[k] += n[classes+k]
		}
	}
	return hits, all
}
