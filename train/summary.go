package train

import "autodeeplab/internal/statefile"

// Summary is what a checkpoint tells of a training without its network and its data set.
type Summary struct {
	Options  Options
	Epoch    int // finished ones
	Best     int // the epoch with the highest mIoU, 0 if none was validated
	Finished bool
	History  []Record
	Metadata map[string]string // of the network: its architecture, the names and colours of the classes
}

// ReadSummary reads a checkpoint's options and history. Errors name the file.
func ReadSummary(path string) (*Summary, error) {
	f, err := kind.Read(path)
	if err != nil {
		return nil, err
	}
	return summarize(path, f)
}

func summarize(path string, f *statefile.File) (*Summary, error) {
	s, err := readState(path, f)
	if err != nil {
		return nil, err
	}
	return s.summary(), nil
}

func (s *state) summary() *Summary {
	return &Summary{Options: s.Options, Epoch: s.Epoch, Best: s.Best, Finished: s.Finished, History: s.History, Metadata: s.Metadata}
}
