package evaluate

import (
	"autodeeplab/dataset"
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
	// Absent are the classes of which the ground truth has no pixel: they are left out of all means.
	Absent []int
}

// score gathers what Run measures.
type score struct {
	images    int
	confusion *Confusion
}

func newScore(classes int, _ Options) *score { return &score{confusion: NewConfusion(classes)} }

func (s *score) add(prediction []uint8, truth *dataset.Pair) error {
	s.images++
	return s.confusion.Add(prediction, truth.Labels, dataset.Ignore)
}

func (s *score) result() *Result {
	c := s.confusion
	return &Result{
		Images: s.images, Confusion: c, IoU: c.IoU(), MIoU: c.MeanIoU(), PixelAccuracy: c.PixelAccuracy(),
		MeanAccuracy: c.MeanAccuracy(), FrequencyWeightedIoU: c.FrequencyWeightedIoU(), Absent: c.Absent(),
	}
}
