package search

import (
	"fmt"
	"strconv"
	"strings"
)

// Flag is an option as a command line sets it.
type Flag struct {
	Name, Kind, Usage string
	value             func(*Options) any // a pointer
}

// Flags lists the options that a command line can set; the classes come from the data.
var Flags = []Flag{
	{"layers", "N", "layers L of the trellis", func(o *Options) any { return &o.Layers }},
	{"blocks", "N", "blocks B of a cell", func(o *Options) any { return &o.Blocks }},
	{"filters", "F", "channels of a block at the finest level", func(o *Options) any { return &o.Filters }},
	{"levels", "N", "levels of the trellis, from 1/4", func(o *Options) any { return &o.Levels }},
	{"own-weights", "BOOL", "weights of its own for each transition into a node, instead of one set a node", func(o *Options) any { return &o.OwnWeights }},
	{"epochs", "N", "passes over half of the training set", func(o *Options) any { return &o.Epochs }},
	{"arch-epoch", "N", "epochs before α and β are trained too", func(o *Options) any { return &o.ArchEpoch }},
	{"batch", "N", "images a step", func(o *Options) any { return &o.Batch }},
	{"crops", "N,…", "sizes of the square crops, taken in turn", func(o *Options) any { return &o.Crops }},
	{"scale", "X", "resize the images by this before cropping", func(o *Options) any { return &o.Scale }},
	{"augment", "BOOL", "random scales, beside random flips and places", func(o *Options) any { return &o.Augment }},
	{"seed", "N", "seed of everything random", func(o *Options) any { return &o.Seed }},
	{"rate", "X", "first learning rate of the weights", func(o *Options) any { return &o.Rate }},
	{"last-rate", "X", "last learning rate of the weights, after half a cosine", func(o *Options) any { return &o.LastRate }},
	{"momentum", "X", "momentum of the weights", func(o *Options) any { return &o.Momentum }},
	{"decay", "X", "decay of the weights", func(o *Options) any { return &o.Decay }},
	{"clip", "X", "limit of the norm of the weights' gradient, 0 for none", func(o *Options) any { return &o.Clip }},
	{"arch-rate", "X", "learning rate of α and β", func(o *Options) any { return &o.ArchRate }},
	{"arch-decay", "X", "decay of α and β", func(o *Options) any { return &o.ArchDecay }},
	{"norm-momentum", "X", "weight of a batch in the moving averages of normalisation", func(o *Options) any { return &o.NormMomentum }},
	{"validate-every", "N", "epochs from one validation to the next, 0 for the last only", func(o *Options) any { return &o.ValidateEvery }},
	{"validate-images", "N", "images to validate on, spread over the set, 0 for all", func(o *Options) any { return &o.ValidateImages }},
	{"cost", "KIND", "add the expected " + strings.Join(CostNames, ", ") + " to the loss", func(o *Options) any { return &o.Cost }},
	{"cost-weight", "X", "weight λ of --cost, relative to that of a uniform relaxation", func(o *Options) any { return &o.CostWeight }},
	{"stop-entropy", "X", "stop once the mean entropy of α is at most this, of 1", func(o *Options) any { return &o.StopEntropy }},
	{"stop-stable", "N", "stop once the decoded architecture has stood for so many epochs", func(o *Options) any { return &o.StopStable }},
}

// Text gives the option's value as Set takes it.
func (f Flag) Text(o *Options) string {
	switch p := f.value(o).(type) {
	case *int:
		return strconv.Itoa(*p)
	case *uint64:
		return strconv.FormatUint(*p, 10)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *bool:
		return strconv.FormatBool(*p)
	case *string:
		return *p
	case *[]int:
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(*p), "[]"), " ", ",")
	}
	return ""
}

// Set gives the option a value from text. What is out of range is left to Options.Validate.
func (f Flag) Set(o *Options, text string) (err error) {
	switch p := f.value(o).(type) {
	case *int:
		*p, err = strconv.Atoi(text)
	case *uint64:
		*p, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		*p, err = strconv.ParseFloat(text, 64)
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *string:
		*p = text
	case *[]int:
		*p = nil
		for part := range strings.SplitSeq(text, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil {
				return fmt.Errorf("--%s %q: want whole numbers with commas between", f.Name, text)
			}
			*p = append(*p, n)
		}
	}
	if err != nil {
		return fmt.Errorf("--%s %q: want %s", f.Name, text, map[string]string{"N": "a whole number", "F": "a whole number", "X": "a number", "BOOL": "true or false"}[f.Kind])
	}
	return nil
}
