package search

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"autodeeplab/internal/option"
)

// Options are all that a search depends on besides its data: equal options, data and seed give equal bytes.
type Options struct {
	Space
	Epochs    int     // passes over half A of the training set
	ArchEpoch int     // the epoch, counted from 0, from which α and β are trained too
	Batch     int     // images a step
	Crops     []int   // heights and widths of the square crops, taken in turn; each has its own graph
	Scale     float64 // of the images before they are cropped; the paper searches at 0.5
	Augment   bool    // random scales, beside the random flips and places of the crops
	Seed      uint64

	Rate, LastRate  float64 // of the weights, at the first and after the last step
	Momentum, Decay float64 // of the weights
	Clip            float64 // limit of the norm of the weights' gradient; 0 is none
	ArchRate        float64 // of α and β
	ArchDecay       float64
	NormMomentum    float64 // weight of a batch in the moving averages that evaluation normalises with

	ValidateEvery  int // epochs from one validation to the next; 0 validates at the end only
	ValidateImages int // images of the validation set that are looked at, spread over it; 0 is all

	Cost       string  // what to add to the loss: one of CostNames, or "" for nothing
	CostWeight float64 // λ: the loss grows by λ · expected cost / that of uniform α and β

	StopEntropy float64 // stop when the mean entropy of α's edges, normalised to 1, has fallen to this; 0 never
	StopStable  int     // stop when the decoded architecture has not changed for so many epochs; 0 never
}

// Presets are complete options by name.
var Presets = map[string]Options{
	// Liu et al. 2019, §5.1 (spec §5).
	"paper": {
		Space:  Space{Layers: 12, Blocks: 5, Filters: 8, Levels: 4},
		Epochs: 40, ArchEpoch: 20, Batch: 2, Crops: []int{321}, Scale: 0.5, Augment: true,
		Rate: 0.025, LastRate: 0.001, Momentum: 0.9, Decay: 3e-4, Clip: 5,
		ArchRate: 0.003, ArchDecay: 1e-3, NormMomentum: 0.1, ValidateEvery: 1,
	},
	// For a CPU and a data set like CamVid: the same recipe on a smaller trellis. α and β take no decay: their gradients
	// are so small beside a decay of 1e-3 that they stayed close to uniform.
	"small": {
		Space:  Space{Layers: 8, Blocks: 3, Filters: 4, Levels: 4},
		Epochs: 40, ArchEpoch: 12, Batch: 4, Crops: []int{97, 129}, Scale: 0.5, Augment: true,
		Rate: 0.05, LastRate: 0.001, Momentum: 0.9, Decay: 3e-4, Clip: 5,
		ArchRate: 0.02, ArchDecay: 0, NormMomentum: 0.1, ValidateEvery: 4, ValidateImages: 50,
	},
}

// PresetNames lists the presets.
func PresetNames() []string { return slices.Sorted(maps.Keys(Presets)) }

// MaxCrop is the largest crop that a search takes.
const MaxCrop = 4096

// Validate reports the first option that is out of range, with the flag that sets it. Classes are checked too.
func (o *Options) Validate() error {
	if err := o.Space.Validate(); err != nil {
		return err
	}
	if len(o.Crops) == 0 {
		return fmt.Errorf("no crop size (--crops)")
	}
	for _, c := range o.Crops {
		if c < 16 || c > MaxCrop {
			return fmt.Errorf("--crops %d, want 16 to %d", c, MaxCrop)
		}
	}
	if err := cmp.Or(
		option.In("epochs", o.Epochs, 1, 100000),
		option.In("arch-epoch", o.ArchEpoch, 0, 100000),
		option.In("batch", o.Batch, 1, 4096),
		option.In("validate-every", o.ValidateEvery, 0, 100000),
		option.In("validate-images", o.ValidateImages, 0, 1<<30),
		option.In("stop-stable", o.StopStable, 0, 100000),
		option.In("scale", o.Scale, 1.0/64, 16),
		option.In("rate", o.Rate, 0, 1000),
		option.In("last-rate", o.LastRate, 0, 1000),
		option.In("momentum", o.Momentum, 0, 1),
		option.In("decay", o.Decay, 0, 1000),
		option.In("clip", o.Clip, 0, 1e9),
		option.In("arch-rate", o.ArchRate, 0, 1000),
		option.In("arch-decay", o.ArchDecay, 0, 1000),
		option.In("norm-momentum", o.NormMomentum, 0, 1),
		option.In("cost-weight", o.CostWeight, 0, 1e9),
		option.In("stop-entropy", o.StopEntropy, 0, 1),
	); err != nil {
		return err
	}
	if o.Cost != "" && !slices.Contains(CostNames, o.Cost) {
		return fmt.Errorf("--cost %q, want %s", o.Cost, strings.Join(CostNames, ", "))
	}
	return nil
}
