"""Public checkpoints that the program knows how to fetch: names, addresses of their publishers, sizes. No torch."""

from dataclasses import dataclass
from typing import Final

from jmpose_core.errors import WeightsError

_TORCHVISION: Final = "https://download.pytorch.org/models/"
_MMPOSE: Final = "https://download.openmmlab.com/mmpose/top_down/hrnet/"
_TIMM: Final = "https://huggingface.co/timm/"  # below, of the newest revision: neither it nor a hash is pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One public checkpoint.

    variant: what it converts to.
    megabytes: about; the publisher's server says exactly.
    sha256_start: first digits of the file's SHA-256, where its publisher states them; "" where none are known.
    trained_on: data sets, for the card.
    """

    name: str
    variant: str
    url: str
    megabytes: int
    sha256_start: str = ""
    trained_on: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """Under which the original is kept; tells apart publishers who name every file alike."""
        return f"{self.name}-{self.url.rsplit('/', 1)[1]}"


def _raft(weights: str, digits: str, *trained_on: str) -> Download:
    """torchvision's file names end with the first digits of their hash."""
    small = weights.startswith("small")
    return Download(
        name=f"raft_{weights.lower()}",
        variant="raft_small" if small else "raft_large",
        url=f"{_TORCHVISION}raft_{weights}-{digits}.pth",
        megabytes=4 if small else 21,
        sha256_start=digits,
        trained_on=trained_on,
    )


def _mmpose(name: str, file: str, *trained_on: str) -> Download:
    """MMPose's file names carry digits too, but not in every release of the file as it is: they are not checked."""
    small = "w32" in name
    variant = "hrnet_w32" if small else "hrnet_w48"
    return Download(
        name=name, variant=variant, url=_MMPOSE + file, megabytes=115 if small else 255, trained_on=trained_on
    )


DOWNLOADS: Final[tuple[Download, ...]] = (
    _raft("large_C_T_V1", "22a6c225", "FlyingChairs", "FlyingThings3D"),
    _raft("large_C_T_V2", "1bb1363a", "FlyingChairs", "FlyingThings3D"),
    _raft("large_C_T_SKHT_V2", "ff5fadd5", "FlyingChairs", "FlyingThings3D", "Sintel", "KITTI", "HD1K"),
    _raft("small_C_T_V1", "ad48884c", "FlyingChairs", "FlyingThings3D"),
    _raft("small_C_T_V2", "01064c6d", "FlyingChairs", "FlyingThings3D"),
    _mmpose("hrnet_w48_coco", "hrnet_w48_coco_384x288-314c8528_20200708.pth", "COCO"),
    _mmpose("hrnet_w32_coco", "hrnet_w32_coco_384x288-d9f0d786_20200708.pth", "COCO"),
    _mmpose("hrnet_w48_posetrack18", "hrnet_w48_posetrack18_384x288-5fd6d3ff_20211130.pth", "COCO", "PoseTrack18"),
    _mmpose("hrnet_w32_posetrack18", "hrnet_w32_posetrack18_384x288-806f00a3_20211130.pth", "COCO", "PoseTrack18"),
    Download(
        name="hrnet_w48_imagenet",
        variant="hrnet_w48",
        url=f"{_TIMM}hrnet_w48.ms_in1k/resolve/main/model.safetensors",
        megabytes=310,
        trained_on=("ImageNet-1k",),
    ),
    Download(
        name="hrnet_w32_imagenet",
        variant="hrnet_w32",
        url=f"{_TIMM}hrnet_w32.ms_in1k/resolve/main/model.safetensors",
        megabytes=165,
        trained_on=("ImageNet-1k",),
    ),
)


def find_download(name: str) -> Download:
    """The public checkpoint of this name.

    Raises:
        WeightsError: there is none.
    """
    for download in DOWNLOADS:
        if download.name == name:
            return download
    raise WeightsError(f"{name}: not a known public checkpoint; there are {', '.join(d.name for d in DOWNLOADS)}")
