package verify

import (
	"fmt"
	"math"

	"autodeeplab/internal/imageio"
)

// LabelReport compares the label of each pixel.
type LabelReport struct {
	Pixels int64 `json:"pixels"`
	// Agreement is the share of pixels with the same label; Worst the sample with the least, WorstAgreement its own.
	Agreement      float64 `json:"agreement"`
	Worst          string  `json:"worst_sample"`
	WorstAgreement float64 `json:"worst_agreement"`
	// MIoU of the subject's labels, with the reference's for the truth.
	MIoU Number `json:"miou"`
	// Confused are the two classes that are taken for each other most often, reference first, and in how many pixels.
	Confused *Confused `json:"confused,omitempty"`
}

// Confused counts pixels of class Want that the subject takes for class Have.
type Confused struct {
	Want   int   `json:"want"`
	Have   int   `json:"have"`
	Pixels int64 `json:"pixels"`
}

// maxLabels is how many labels a mask can have.
const maxLabels = 256

// labelCount adds masks up.
type labelCount struct {
	counts [maxLabels][maxLabels]int64 // [want][have]
	pixels int64
	equal  int64
	worst  float64
	name   string
}

func newLabelCount() *labelCount { return &labelCount{worst: 2} }

func (l *labelCount) add(name string, have, want *imageio.Mask) error {
	if have.Width != want.Width || have.Height != want.Height {
		return fmt.Errorf("masks of %d×%d and %d×%d pixels", have.Width, have.Height, want.Width, want.Height)
	}
	equal := 0
	for i, w := range want.Labels {
		h := have.Labels[i]
		l.counts[w][h]++
		if w == h {
			equal++
		}
	}
	l.pixels += int64(len(want.Labels))
	l.equal += int64(equal)
	if share := float64(equal) / float64(max(len(want.Labels), 1)); share < l.worst {
		l.worst, l.name = share, name
	}
	return nil
}

func (l *labelCount) report() *LabelReport {
	r := &LabelReport{Pixels: l.pixels, Agreement: float64(l.equal) / float64(max(l.pixels, 1)), Worst: l.name, WorstAgreement: l.worst, MIoU: Number(l.miou())}
	for w := range maxLabels {
		for h := range maxLabels {
			if n := l.counts[w][h]; w != h && n > 0 && (r.Confused == nil || n > r.Confused.Pixels) {
				r.Confused = &Confused{Want: w, Have: h, Pixels: n}
			}
		}
	}
	return r
}

// miou is evaluate's, of the classes that the reference has.
func (l *labelCount) miou() float64 {
	sum, classes := 0.0, 0
	for k := range maxLabels {
		var want, have int64
		for j := range maxLabels {
			want += l.counts[k][j]
			have += l.counts[j][k]
		}
		if want > 0 {
			classes++
			sum += float64(l.counts[k][k]) / float64(want+have-l.counts[k][k])
		}
	}
	if classes == 0 {
		return math.NaN()
	}
	return sum / float64(classes)
}
