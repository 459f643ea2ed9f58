package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"autodeeplab/evaluate"
)

// scalesFlag is a flag's list of scales, "0.5,1,2"; evaluate checks their range.
type scalesFlag []float64

func (s *scalesFlag) Type() string { return "LIST" }

func (s *scalesFlag) String() string {
	texts := make([]string, len(*s))
	for i, v := range *s {
		texts[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strings.Join(texts, ",")
}

func (s *scalesFlag) Set(text string) error {
	if text == paperScales {
		*s = evaluate.PaperScales()
		return nil
	}
	var scales []float64
	for _, word := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil {
			return fmt.Errorf("want numbers with commas between, as 0.5,1,1.5, or %s", paperScales)
		}
		scales = append(scales, v)
	}
	*s = scales
	return nil
}

// windowFlag is a flag's height × width, both 0 where it is not given.
type windowFlag struct{ sizeFlag }

func (w *windowFlag) String() string {
	if w.height == 0 {
		return ""
	}
	return w.sizeFlag.String()
}

func (w *windowFlag) Set(text string) error {
	if text == dynamic {
		return fmt.Errorf("want HEIGHTxWIDTH, each 1 to %d", maxInputSide)
	}
	return w.sizeFlag.Set(text)
}

// same tells whether two paths are the same folder.
func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
