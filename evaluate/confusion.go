// Package evaluate measures segmentations against their ground truth.
package evaluate

import (
	"fmt"
	"math"
)

// Confusion counts pixels by their true and their predicted class, over as many images as are added: metrics are of the
// sums over all of them, never means over images (the benchmarks' rule).
type Confusion struct {
	classes int
	counts  []int64 // [truth, prediction]
}

// NewConfusion makes an empty matrix.
func NewConfusion(classes int) *Confusion {
	return &Confusion{classes: classes, counts: make([]int64, classes*classes)}
}

// Add counts the pixels of an image. Pixels whose truth is ignore do not count. The error names the first label or
// prediction that is no class; then nothing is counted.
func (c *Confusion) Add(prediction, truth []uint8, ignore uint8) error {
	if len(prediction) != len(truth) {
		return fmt.Errorf("%d predictions for %d pixels", len(prediction), len(truth))
	}
	for i, t := range truth {
		if t == ignore {
			continue
		}
		if int(t) >= c.classes {
			return fmt.Errorf("label %d at pixel %d, want less than %d or %d", t, i, c.classes, ignore)
		}
		if p := prediction[i]; int(p) >= c.classes {
			return fmt.Errorf("prediction %d at pixel %d, want less than %d", p, i, c.classes)
		}
	}
	for i, t := range truth {
		if t != ignore {
			c.counts[int(t)*c.classes+int(prediction[i])]++
		}
	}
	return nil
}

// Merge adds the counts of another matrix of as many classes.
func (c *Confusion) Merge(other *Confusion) error {
	if other.classes != c.classes {
		return fmt.Errorf("confusion matrices of %d and %d classes", c.classes, other.classes)
	}
	for i, n := range other.counts {
		c.counts[i] += n
	}
	return nil
}

// Count is the number of pixels of a true class that were predicted as another, or the same.
func (c *Confusion) Count(truth, prediction int) int64 { return c.counts[truth*c.classes+prediction] }

// sums gives the pixels that are truly of a class, and those predicted to be.
func (c *Confusion) sums(class int) (truth, predicted int64) {
	for k := range c.classes {
		truth += c.Count(class, k)
		predicted += c.Count(k, class)
	}
	return truth, predicted
}

// IoU is the intersection over union of each class, NaN for classes of which the ground truth has no pixel.
func (c *Confusion) IoU() []float64 {
	iou := make([]float64, c.classes)
	for k := range iou {
		truth, predicted := c.sums(k)
		iou[k] = math.NaN()
		if truth > 0 {
			iou[k] = float64(c.Count(k, k)) / float64(truth+predicted-c.Count(k, k))
		}
	}
	return iou
}

// MeanIoU is the mean of IoU over the classes that the ground truth has (mIoU); NaN if it has none.
func (c *Confusion) MeanIoU() float64 { return mean(c.IoU()) }

// Absent lists the classes of which the ground truth has no pixel, and which MeanIoU therefore leaves out.
func (c *Confusion) Absent() []int {
	var absent []int
	for k := range c.classes {
		if truth, _ := c.sums(k); truth == 0 {
			absent = append(absent, k)
		}
	}
	return absent
}

// PixelAccuracy is the share of pixels predicted right.
func (c *Confusion) PixelAccuracy() float64 {
	var right, all int64
	for k := range c.classes {
		truth, _ := c.sums(k)
		right, all = right+c.Count(k, k), all+truth
	}
	return float64(right) / float64(all)
}

// MeanAccuracy is the mean over the classes that the ground truth has of the share of their pixels predicted right.
func (c *Confusion) MeanAccuracy() float64 {
	accuracy := make([]float64, c.classes)
	for k := range accuracy {
		truth, _ := c.sums(k)
		accuracy[k] = float64(c.Count(k, k)) / float64(truth) // NaN where there is none
	}
	return mean(accuracy)
}

// FrequencyWeightedIoU is the mean of IoU weighted by the classes' shares of the ground truth.
func (c *Confusion) FrequencyWeightedIoU() float64 {
	var sum, all float64
	for k, iou := range c.IoU() {
		if truth, _ := c.sums(k); truth > 0 {
			sum += iou * float64(truth)
			all += float64(truth)
		}
	}
	return sum / all
}

// mean is that of the numbers that are some.
func mean(x []float64) float64 {
	var sum float64
	n := 0
	for _, v := range x {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / float64(n)
}
