package train

import (
	"fmt"

	"autodeeplab/internal/statefile"
)

// Summary is what a checkpoint tells of a training without its network and its data set.
type Summary struct {
	Options  Options
	Epoch    int // finished ones
	Best     int // the epoch with the highest mIoU, 0 if none was validated
	Finished bool
	History  []Record
}

// ReadSummary reads a checkpoint's options and history. Errors name the file.
func ReadSummary(path string) (*Summary, error) {
	f, err := kind.Read(path)
	if err != nil {
		return nil, err
	}
	var s state
	if err := f.State(&s); err != nil {
		return nil, err
	}
	if err := s.Options.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", path, statefile.ErrDamaged, err)
	}
	return &Summary{Options: s.Options, Epoch: s.Epoch, Best: s.Best, Finished: s.Finished, History: s.History}, nil
}
