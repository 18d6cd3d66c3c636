# What a file of kernels is compiled for: sourced by build-ptx.sh and emulated-cuda/build.sh.
#
# targets_of FILE: its targets, oldest first; a device gets the newest that it can run. PTX for sm_60 runs on every
# NVIDIA GPU since Pascal, for sm_75 since Turing, for sm_80 since Ampere: drivers compile it for the device they have.
# PTX for sm_90a runs on compute capability 9.0 and on no other.
targets_of() {
    case $1 in
        nv/attention_mma) echo sm_80 ;;
        nv/*_wgmma) echo sm_90a ;;
        nv/*) echo sm_75 sm_80 ;;
        *) echo sm_60 ;;
    esac
}
