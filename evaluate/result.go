package evaluate

import (
	"math"

	"autodeeplab/dataset"
	"autodeeplab/internal/kernel"
)

// Result is what Run measured. Numbers are shares, 0 to 1; NaN stands for what no pixel of the ground truth decides.
type Result struct {
	// Images that were segmented.
	Images    int
	Confusion *Confusion
	// IoU of each class, NaN for those in Absent; MIoU is the mean of the others.
	IoU  []float64
	MIoU float64
	// PixelAccuracy, MeanAccuracy and FrequencyWeightedIoU are Confusion's.
	PixelAccuracy, MeanAccuracy, FrequencyWeightedIoU float64
	// BoundaryF is Boundary's score of each class, nil if Options.BoundaryTolerance is 0; MeanBoundaryF is the mean over the
	// classes that are not in Absent and have a boundary in some picture.
	BoundaryF     []float64
	MeanBoundaryF float64
	// Absent are the classes of which the ground truth has no pixel: they are left out of all means.
	Absent []int
}

// score gathers what Run measures.
type score struct {
	images    int
	confusion *Confusion
	boundary  *Boundary // nil: not wanted
	pool      *kernel.Pool
}

func newScore(pool *kernel.Pool, classes int, tolerance float64) *score {
	s := &score{pool: pool, confusion: NewConfusion(classes)}
	if tolerance > 0 {
		s.boundary = NewBoundary(classes, tolerance)
	}
	return s
}

func (s *score) add(prediction []uint8, truth *dataset.Pair) error {
	s.images++
	if err := s.confusion.Add(prediction, truth.Labels, dataset.Ignore); err != nil {
		return err
	}
	if s.boundary != nil {
		s.boundary.Add(s.pool, prediction, truth.Labels, truth.Height, truth.Width, dataset.Ignore)
	}
	return nil
}

func (s *score) result() *Result {
	c := s.confusion
	r := &Result{
		Images: s.images, Confusion: c, IoU: c.IoU(), MIoU: c.MeanIoU(), PixelAccuracy: c.PixelAccuracy(),
		MeanAccuracy: c.MeanAccuracy(), FrequencyWeightedIoU: c.FrequencyWeightedIoU(), Absent: c.Absent(), MeanBoundaryF: math.NaN(),
	}
	if s.boundary != nil {
		r.BoundaryF = s.boundary.F()
		present := append([]float64(nil), r.BoundaryF...)
		for _, k := range r.Absent {
			present[k] = math.NaN()
		}
		r.MeanBoundaryF = mean(present)
	}
	return r
}
