package search

import (
	"encoding/binary"
	"fmt"
	"math"

	"autodeeplab/decode"
)

// Summary is what a checkpoint tells of a search without its data set.
type Summary struct {
	Options    Options
	Epoch      int // finished ones
	Finished   bool
	History    []Record
	Relaxation *decode.Relaxation
}

// ReadSummary reads a checkpoint's options, history, α and β. Errors name the file.
func ReadSummary(path string) (*Summary, error) {
	c, err := readCheckpoint(path)
	if err != nil {
		return nil, err
	}
	o := c.state.Options
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", path, errDamaged, err)
	}
	r := &decode.Relaxation{Blocks: o.Blocks, Layers: o.Layers, Levels: o.Levels}
	for name, dst := range map[string]*[]float32{"alpha": &r.Alpha, "beta": &r.Beta} {
		v, ok := c.tensors.Tensor(name)
		if !ok {
			return nil, fmt.Errorf("%s: tensor %s is missing", path, name)
		}
		for b := v.Data(); len(b) >= 4; b = b[4:] {
			*dst = append(*dst, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	}
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Info = relaxationInfo(&c.state)
	return &Summary{Options: o, Epoch: c.state.Epoch, Finished: c.state.Finished, History: c.state.History, Relaxation: r}, nil
}

// relaxationInfo is what a relaxation file says of where it comes from.
func relaxationInfo(s *state) map[string]string {
	o := &s.Options
	return map[string]string{
		"epochs": fmt.Sprint(s.Epoch), "seed": fmt.Sprint(o.Seed), "filters": fmt.Sprint(o.Filters),
		"classes": fmt.Sprint(o.Classes), "data": s.Data,
	}
}
