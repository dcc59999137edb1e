package link

import (
	"context"
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A VF is a virtual function of a link (SR-IOV): what AppendSetVF changes of one,
// and what ParseVFs reads. What is absent is not changed, or not known. VFs can be
// compared.
type VF struct {
	Num uint32 // from 0

	MAC       HardwareAddr
	VLAN      Opt[VFVLAN]
	Rate      Opt[VFRate]
	LinkState Opt[rtattr.VFLinkState]

	SpoofChk Opt[bool] // drop what does not come from MAC
	Trust    Opt[bool] // let it change what is risky, as its address
	RSSQuery Opt[bool] // let it read how RSS spreads packets

	NodeGUID, PortGUID Opt[uint64] // InfiniBand only
}

// A VFVLAN is the tag that the card puts on what a virtual function sends, and
// takes off what it receives.
type VFVLAN struct {
	ID       uint32              // 1 to 4095; 0 is no tag
	QoS      uint32              // priority, 0 to 7
	Protocol rtattr.VLANProtocol // default ETH_P_8021Q
}

// A VFRate holds limits of what a virtual function sends, in Mbit/s; 0 is none.
// The kernel sets both at once.
type VFRate struct{ Min, Max uint32 }

// AppendSetVF appends the message that changes virtual functions of a link:
// RTM_NEWLINK. The kernel changes one thing after the other and stops at the
// first that the driver refuses.
func AppendSetVF(e *rtattr.Encoder, index uint32, vfs ...VF) {
	w := BeginSet(e, index, Config{})
	list := w.VFInfoList()
	for i := range vfs {
		vf := &vfs[i]
		if reason := vf.invalid(); reason != "" {
			e.Fail(fmt.Errorf("link: set dev %d: VF %d: %s", index, vf.Num, reason))
		}
		vf.put(list)
	}
	list.End()
	w.End()
}

func (vf *VF) invalid() string {
	vlan, _ := vf.VLAN.Get()
	switch {
	case vf.Num >= math.MaxInt32:
		return "Num is too large"
	case *vf == VF{Num: vf.Num}:
		return "nothing to change"
	case vlan.ID > 4095:
		return fmt.Sprintf("VLAN.ID is %d, at most 4095", vlan.ID)
	case vlan.QoS > 7:
		return fmt.Sprintf("VLAN.QoS is %d, at most 7", vlan.QoS)
	}
	return ""
}

func (vf *VF) put(list rtattr.VfinfoListEncoder) {
	w := list.Info()
	if vf.MAC.n > 0 {
		w.MAC(rtattr.VFMAC{VF: vf.Num, MAC: vf.MAC.b})
	}
	if v, ok := vf.VLAN.Get(); ok {
		if v.Protocol == 0 || v.Protocol == rtattr.ETH_P_8021Q {
			w.VLAN(rtattr.VFVLAN{VF: vf.Num, VLAN: v.ID, QoS: v.QoS})
		} else {
			l := w.VLANList()
			l.Info(rtattr.VFVLANInfo{VF: vf.Num, VLAN: v.ID, QoS: v.QoS, VLANProto: v.Protocol})
			l.End()
		}
	}
	if v, ok := vf.SpoofChk.Get(); ok {
		w.SpoofChk(rtattr.VFSpoofChk{VF: vf.Num, Setting: uint32(bit(v))})
	}
	if v, ok := vf.LinkState.Get(); ok {
		w.LinkState(rtattr.VFLink{VF: vf.Num, LinkState: v})
	}
	if v, ok := vf.Rate.Get(); ok {
		w.Rate(rtattr.VFRate{VF: vf.Num, MinTxRate: v.Min, MaxTxRate: v.Max})
	}
	if v, ok := vf.RSSQuery.Get(); ok {
		w.RSSQuery(rtattr.VFRSSQuery{VF: vf.Num, Setting: uint32(bit(v))})
	}
	if v, ok := vf.Trust.Get(); ok {
		w.Trust(rtattr.VFTrust{VF: vf.Num, Setting: uint32(bit(v))})
	}
	node, hasNode := vf.NodeGUID.Get()
	if hasNode {
		w.IBNodeGUID(rtattr.VFGUID{VF: vf.Num, GUID: node})
	}
	if v, ok := vf.PortGUID.Get(); ok {
		if hasNode { // do_setvfinfo looks at nothing behind the first one
			w.End()
			w = list.Info()
		}
		w.IBPortGUID(rtattr.VFGUID{VF: vf.Num, GUID: v})
	}
	w.End()
}

// SetVF changes virtual functions of a link, as AppendSetVF says.
func SetVF(ctx context.Context, conn *rtnl.Conn, index uint32, vfs ...VF) error {
	return exec(ctx, conn, "link: set VF", func(e *rtattr.Encoder) { AppendSetVF(e, index, vfs...) }, func() string { return dev(index) })
}

// ParseVFs reads the virtual functions of a link, which the kernel shows if asked
// for: Filter.Ext with rtattr.RTEXT_FILTER_VF. Their counters are in the view:
// IFLA_VF_STATS, if asked for with Filter.Stats.
func ParseVFs(v *rtattr.LinkView) ([]VF, error) {
	list, err := v.VFInfoList()
	if err != nil {
		return nil, err
	}
	size := 6 // of addresses, which have room for 32 bytes
	if a, ok := v.Address(); ok && len(a) <= len(HardwareAddr{}.b) {
		size = len(a)
	}
	var vfs []VF
	for n, err := range list.Info() {
		if err != nil {
			return vfs, err
		}
		vf, err := parseVF(&n, size)
		if err != nil {
			return vfs, err
		}
		vfs = append(vfs, vf)
	}
	return vfs, nil
}

func parseVF(n *rtattr.VFInfoView, size int) (vf VF, err error) {
	if s, ok := n.MAC(); ok {
		vf.Num = s.VF
		vf.MAC, _ = HardwareAddrFrom(s.MAC[:size])
	}
	if s, ok := n.VLAN(); ok {
		vf.Num = s.VF
		vf.VLAN = Some(VFVLAN{ID: s.VLAN, QoS: s.QoS, Protocol: rtattr.ETH_P_8021Q})
	}
	list, err := n.VLANList()
	if err != nil {
		return vf, err
	}
	for s := range list.Info() {
		vf.Num = s.VF
		vf.VLAN = Some(VFVLAN{ID: s.VLAN, QoS: s.QoS, Protocol: s.VLANProto})
		break // there is one (MAX_VLAN_LIST_LEN)
	}
	if s, ok := n.Rate(); ok {
		vf.Num = s.VF
		vf.Rate = Some(VFRate{s.MinTxRate, s.MaxTxRate})
	}
	if s, ok := n.LinkState(); ok {
		vf.Num = s.VF
		vf.LinkState = Some(s.LinkState)
	}
	if s, ok := n.SpoofChk(); ok {
		vf.Num = s.VF
		vf.SpoofChk = setting(s.Setting)
	}
	if s, ok := n.Trust(); ok {
		vf.Num = s.VF
		vf.Trust = setting(s.Setting)
	}
	if s, ok := n.RSSQuery(); ok {
		vf.Num = s.VF
		vf.RSSQuery = setting(s.Setting)
	}
	if s, ok := n.IBNodeGUID(); ok {
		vf.Num = s.VF
		vf.NodeGUID = Some(s.GUID)
	}
	if s, ok := n.IBPortGUID(); ok {
		vf.Num = s.VF
		vf.PortGUID = Some(s.GUID)
	}
	return vf, nil
}

// setting reads what the driver may not know: -1.
func setting(v uint32) Opt[bool] {
	if v == math.MaxUint32 {
		return Opt[bool]{}
	}
	return Some(v != 0)
}
