package evaluate

import (
	"fmt"
	"math"
	"slices"

	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// DefaultMaxSums bounds the memory of the probabilities that are being averaged, in bytes.
const DefaultMaxSums = 4 << 30

// average adds up the probabilities that windows and views give for the pixels of a picture. Rows are in memory only
// from the first window that decides them to the last.
type average struct {
	pool         *kernel.Pool
	classes      int
	mask         *imageio.Mask
	rows, unused [][]float32 // [classes, width]; nil before their first window and after their last
	done         int         // rows above are in the mask
	single       *kernel.Pool
	aligned      bool // see segmenter.Model
}

func newAverage(pool *kernel.Pool, classes, h, w int, aligned bool) *average {
	return &average{
		pool: pool, classes: classes, rows: make([][]float32, h), single: kernel.NewPool(1), aligned: aligned,
		mask: &imageio.Mask{Width: w, Height: h, Labels: make([]uint8, w*h)},
	}
}

// checkMemory refuses what would need more than most bytes, 0 for DefaultMaxSums.
func (a *average) checkMemory(jobs []job, most int64) error {
	if most <= 0 {
		most = DefaultMaxSums
	}
	alive := 0
	for i, j := range jobs {
		end := j.row.hi
		for _, before := range jobs[:i] {
			end = max(end, before.row.hi)
		}
		alive = max(alive, end-j.row.lo)
	}
	if bytes := 4 * float64(alive) * float64(a.mask.Width) * float64(a.classes); bytes > float64(most) {
		return fmt.Errorf("averaging the probabilities of %d classes over %d×%d pixels takes %.1f GiB, want at most %.1f: give the network smaller windows (--window, --limit average-bytes)",
			a.classes, a.mask.Width, alive, bytes/(1<<30), float64(most)/(1<<30))
	}
	return nil
}

// add takes what the network gave for a job: logits, which softmax makes probabilities of after they have been
// interpolated at the picture's pixels, or probabilities as they are.
func (a *average) add(j *job, out *tensor.Tensor) error {
	scores, classes, h, w, err := imageio.Scores(out)
	if err != nil {
		return err
	}
	probabilities := areProbabilities(scores, classes)
	ys := imageio.Taps(j.row.at, j.rows.size, h, a.aligned)
	xs := imageio.Taps(j.column.at, j.columns.size, w, a.aligned)
	if j.mirrored {
		for i, t := range xs {
			xs[i].Lo, xs[i].Hi = w-1-t.Lo, w-1-t.Hi
		}
	}
	n := len(xs)
	for y := j.row.lo; y < j.row.hi; y++ {
		if a.rows[y] == nil {
			a.rows[y] = a.fresh()
		}
	}
	scratch := make([][]float32, a.pool.Threads())
	a.pool.For(len(ys), 4, func(worker, lo, hi int) {
		if scratch[worker] == nil {
			scratch[worker] = make([]float32, w+classes*n)
		}
		blended, at := scratch[worker][:w], scratch[worker][w:]
		for i := lo; i < hi; i++ {
			for c := range classes {
				row := imageio.BlendRows(blended, scores[c*h*w:][:h*w], w, ys[i])
				for k, x := range xs {
					at[c*n+k] = x.Of(row)
				}
			}
			if !probabilities {
				kernel.Softmax(a.single, at, at, 1, classes, n, false)
			}
			sums := a.rows[j.row.lo+i]
			for c := range classes {
				to := sums[c*a.mask.Width+j.column.lo:][:n]
				for k, v := range at[c*n:][:n] {
					to[k] += float32(v * float32(j.row.share[i]*j.column.share[k]))
				}
			}
		}
	})
	return nil
}

// fresh is an empty row.
func (a *average) fresh() []float32 {
	last := len(a.unused) - 1
	if last < 0 {
		return make([]float32, a.classes*a.mask.Width)
	}
	row := a.unused[last]
	a.unused = a.unused[:last]
	clear(row)
	return row
}

// finish decides the rows above end, of which no window is left: each pixel gets the class of the highest sum, the
// lowest id where sums tie.
func (a *average) finish(end int) {
	w := a.mask.Width
	a.pool.For(end-a.done, 4, func(_, lo, hi int) {
		for y := a.done + lo; y < a.done+hi; y++ {
			labels, best := a.mask.Labels[y*w:][:w], slices.Clone(a.rows[y][:w])
			for c := 1; c < a.classes; c++ {
				for x, v := range a.rows[y][c*w:][:w] {
					if v > best[x] {
						best[x], labels[x] = v, uint8(c)
					}
				}
			}
		}
	})
	for ; a.done < end; a.done++ {
		a.unused = append(a.unused, a.rows[a.done])
		a.rows[a.done] = nil
	}
}

// areProbabilities tells probabilities from logits: all lie in 0…1, and those of each pixel add up to 1 within what 16-bit
// floats round.
func areProbabilities(scores []float32, classes int) bool {
	const rounding = 1e-2
	n := len(scores) / classes
	for i := range n {
		sum := 0.0
		for c := range classes {
			v := scores[c*n+i]
			if v < 0 || v > 1+rounding {
				return false
			}
			sum += float64(v)
		}
		if math.Abs(sum-1) > rounding {
			return false
		}
	}
	return true
}
