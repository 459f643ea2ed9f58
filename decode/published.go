package decode

import (
	"sync"

	"autodeeplab/fixtures"
)

var published = sync.OnceValue(func() *Architecture {
	a, err := Unmarshal([]byte(fixtures.AutoDeepLabJSON))
	if err != nil {
		panic("the embedded architecture/autodeeplab.json: " + err.Error()) // a broken build, not an input
	}
	return a
})

// Published returns the architecture that Auto-DeepLab's authors found on Cityscapes and released (CVPR 2019, figure
// 3): 5 blocks, 12 layers, output stride 8. It is the default wherever an architecture is wanted and none is given.
// Each call returns a copy of its own.
func Published() *Architecture { return published().Clone() }
