package search

import (
	"fmt"

	"autodeeplab/decode"
	"autodeeplab/internal/statefile"
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
	c, err := kind.Read(path)
	if err != nil {
		return nil, err
	}
	return summarize(path, c)
}

func summarize(path string, c *statefile.File) (*Summary, error) {
	st, err := readState(path, c)
	if err != nil {
		return nil, err
	}
	o := st.Options
	r := &decode.Relaxation{Blocks: o.Blocks, Layers: o.Layers, Levels: o.Levels}
	for name, dst := range map[string]*[]float32{"alpha": &r.Alpha, "beta": &r.Beta} {
		t, ok := c.Tensor(name)
		if !ok {
			return nil, fmt.Errorf("%s: tensor %s is missing", path, name)
		}
		*dst = t.Data
	}
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Info = relaxationInfo(st)
	return &Summary{Options: o, Epoch: st.Epoch, Finished: st.Finished, History: st.History, Relaxation: r}, nil
}

// relaxationInfo is what a relaxation file says of where it comes from.
func relaxationInfo(s *state) map[string]string {
	o := &s.Options
	return map[string]string{
		"epochs": fmt.Sprint(s.Epoch), "seed": fmt.Sprint(o.Seed), "filters": fmt.Sprint(o.Filters),
		"classes": fmt.Sprint(o.Classes), "data": s.Data,
	}
}
