package train

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/internal/option"
)

// Options are all that a training depends on besides its network and its data: equal ones give equal bytes.
type Options struct {
	Epochs     int         // passes over the training set
	Batch      int         // images that are computed at once, whose statistics normalise them
	Accumulate int         // batches whose gradients are added up for one step
	Crop       option.Size // of the crops, which is the network's input
	// Scales are drawn from MinScale to MaxScale in steps of ScaleStep, or from all between where that is 0. With
	// ScaleToCrop all images are first resized, with a filter, by the scale at which the first training image just fits into
	// the crop, and those scales are relative to that.
	MinScale, MaxScale, ScaleStep float64
	ScaleToCrop                   bool
	Flip                          bool // half of the crops left to right
	Seed                          uint64

	Rate, LastRate float64 // learning rate at the beginning and at the end
	Power          float64 // of the poly schedule between them, see Rate
	WarmUp         int     // steps over which the rate rises from 0
	Momentum       float64
	Nesterov       bool
	Decay          float64 // of kernels; BN and biases have none
	Clip           float64 // limit of the norm of the gradient; 0 is none
	// Average is the weight of the old in a moving average of all weights, which then is what is validated and written;
	// 0 keeps none.
	Average float64

	LabelSmoothing float64 // share of a pixel's target that is spread over all classes
	ClassWeights   string  // NoWeights, BalancedWeights, or a number a class with commas between
	BnDecay        float64 // weight of the old moving averages of batch normalisation at each batch
	FreezeBn       bool    // normalise with the moving averages and keep them
	DropPath       float64 // ScheduledDropPath's p: how often the last layer keeps a branch at the last step; 1 is off
	Dropout        float64 // behind the ASPP

	ValidateEvery  int    // epochs from one validation to the next; 0 validates at the end only
	ValidateImages int    // images of the validation set that are looked at, spread over it; 0 is all
	ValidateFit    string // how they go into the network: one of Fits
}

// ClassWeights by name.
const (
	NoWeights       = "none"
	BalancedWeights = "balanced" // see Balance
)

// Fits are the ways in which validation images go into the network: shrunk to fit the crop, in tiles of the crop's size,
// or whole at their own size.
const (
	FitShrink = "shrink"
	FitTile   = "tile"
	FitWhole  = "whole"
)

// Fits lists them.
func Fits() []string { return []string{FitShrink, FitTile, FitWhole} }

// Presets are complete options by name.
var Presets = map[string]Options{
	// Liu et al. 2019, §5.2, and the authors' release where that is silent (spec §7). How long, and at which rate, both
	// leave to the data set: 0.05 and 200 epochs are choices.
	"paper": {
		Epochs: 200, Batch: 8, Accumulate: 1, Crop: option.Size{Height: 769, Width: 769}, MinScale: 0.5, MaxScale: 2, ScaleStep: 0.25, Flip: true,
		Rate: 0.05, Power: 0.9, Momentum: 0.9, Decay: 4e-5, ClassWeights: NoWeights, BnDecay: 0.9997, DropPath: 0.8, Dropout: 0.1,
		ValidateEvery: 10, ValidateFit: FitWhole,
	},
	// For a CPU and a data set like CamVid: whole images, shrunk. On small crops of large images the ASPP's wide taps would
	// see nothing but padding. 0.9997 would keep the moving averages of so few steps near where they began.
	"small": {
		Epochs: 14, Batch: 8, Accumulate: 1, Crop: option.Size{Height: 121, Width: 161}, MinScale: 0.9, MaxScale: 1.2, ScaleToCrop: true, Flip: true,
		Rate: 0.05, Power: 0.9, WarmUp: 20, Momentum: 0.9, Decay: 1e-4, Clip: 50, ClassWeights: NoWeights, BnDecay: 0.95, DropPath: 1, Dropout: 0.1,
		ValidateEvery: 2, ValidateFit: FitShrink,
	},
}

// PresetNames lists the presets.
func PresetNames() []string { return slices.Sorted(maps.Keys(Presets)) }

// MaxCrop bounds the sides of the crops.
const MaxCrop = 4096

// Validate reports the first option that is out of range, with the flag that sets it.
func (o *Options) Validate() error {
	if err := cmp.Or(
		option.In("epochs", o.Epochs, 1, 1_000_000),
		option.In("batch", o.Batch, 1, 4096),
		option.In("accumulate", o.Accumulate, 1, 4096),
		option.In("crop", o.Crop.Height, 8, MaxCrop),
		option.In("crop", o.Crop.Width, 8, MaxCrop),
		option.In("min-scale", o.MinScale, 1.0/64, 16),
		option.In("max-scale", o.MaxScale, o.MinScale, 16),
		option.In("scale-step", o.ScaleStep, 0, 16),
		option.In("rate", o.Rate, 0, 1000),
		option.In("last-rate", o.LastRate, 0, 1000),
		option.In("power", o.Power, 0, 100),
		option.In("warm-up", o.WarmUp, 0, 1<<40),
		option.In("momentum", o.Momentum, 0, 1),
		option.In("decay", o.Decay, 0, 1000),
		option.In("clip", o.Clip, 0, 1e9),
		option.In("average", o.Average, 0, 1),
		option.In("label-smoothing", o.LabelSmoothing, 0, 0.99),
		option.In("bn-decay", o.BnDecay, 0, 1),
		option.In("drop-path", o.DropPath, 0.01, 1),
		option.In("dropout", o.Dropout, 0, 0.99),
		option.In("validate-every", o.ValidateEvery, 0, 1_000_000),
		option.In("validate-images", o.ValidateImages, 0, 1<<30),
	); err != nil {
		return err
	}
	if !slices.Contains(Fits(), o.ValidateFit) {
		return fmt.Errorf("--validate-fit %q, want %s", o.ValidateFit, strings.Join(Fits(), ", "))
	}
	_, err := o.weights()
	return err
}

// weights gives the class weights that the options list; nil where they list none.
func (o *Options) weights() ([]float64, error) {
	if o.ClassWeights == NoWeights || o.ClassWeights == BalancedWeights {
		return nil, nil
	}
	var list []float64
	for word := range strings.SplitSeq(o.ClassWeights, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || !(v >= 0 && v <= 1e6) {
			return nil, fmt.Errorf("--class-weights %q: %q is no weight, want %s, %s, or a number of 0 to 1e6 for each class with commas between", o.ClassWeights, word, NoWeights, BalancedWeights)
		}
		list = append(list, v)
	}
	return list, nil
}

// Balance gives class weights for pixel counts: the median of the shares of the classes over a class's own share (Eigen
// and Fergus 2015, arXiv:1411.4734, §4.3.3, with shares of all pixels). Classes that do not occur get 1; no weight is
// larger than limit, so that a class of few pixels does not take all of the gradient.
func Balance(pixels []int64, limit float64) []float64 {
	var present []float64
	for _, n := range pixels {
		if n > 0 {
			present = append(present, float64(n))
		}
	}
	weights := make([]float64, len(pixels))
	slices.Sort(present)
	for i, n := range pixels {
		weights[i] = 1
		if n > 0 {
			weights[i] = math.Min(median(present)/float64(n), limit)
		}
	}
	return weights
}

// balanceLimit is the largest weight of BalancedWeights.
const balanceLimit = 10

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
