"""Whether a SavedModel only computes, told from its graph before anything of it is loaded.

A SavedModel is a program: its graph may hold operations that read and write files or call Python, and TensorFlow runs
some of them as soon as it is loaded. So every operation must be one of those named here. Left out of that are the two
functions with which each SavedModel saves and restores itself, whose operations do touch files: TensorFlow doesn't call
them when it loads a folder, and nothing else in the graph may.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError

_NAMES = """
    Abs Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All Any ArgMax ArgMin AsString Asin Asinh
    Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul
    BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd Bincount Bitcast BroadcastArgs BroadcastGradientArgs BroadcastTo
    Bucketize Cast Ceil CheckNumerics ClipByValue Complex ComplexAbs Concat ConcatOffset ConcatV2 Const Conv2D
    Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 Cos Cosh CropAndResize Cross CudnnRNNBackpropV3 CudnnRNNV3 Cumprod
    Cumsum DenseBincount DepthToSpace DepthwiseConv2dNative Diag DiagPart Digamma Dilation2D DisableCopyOnRead Div
    DivNoNan DynamicPartition DynamicStitch Einsum Elu EnsureShape Equal Erf Erfc Exp ExpandDims Expm1
    ExtractImagePatches FFT FFT2D FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
    Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater
    GreaterEqual HSVToRGB HashTableV2 IFFT IRFFT Identity IdentityN If Imag ImageProjectiveTransformV3 InTopKV2
    InitializeTableV2 Inv InvertPermutation IsFinite IsInf IsNan L2Loss LRN LeakyRelu Less LessEqual Lgamma LinSpace
    Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LookupTableExportV2 LookupTableFindV2 LookupTableImportV2
    LookupTableInsertV2 LookupTableSizeV2 MatMul MatrixBandPart MatrixDiag MatrixDiagV3 MatrixInverse MatrixSetDiagV3
    Max MaxPool MaxPool3D MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Multinomial MutableHashTableV2
    Neg NoOp NonMaxSuppressionV3 NotEqual OneHot OnesLike Pack Pad PadV2 ParallelDynamicStitch PartitionedCall
    Placeholder PlaceholderWithDefault Pow PreventGradient Prod QuantizeAndDequantizeV2 RFFT RGBToHSV RaggedBincount
    RaggedGather RaggedRange RaggedTensorToTensor RandomStandardNormal RandomUniform RandomUniformInt Range Rank
    ReadVariableOp Real RealDiv Reciprocal RegexReplace Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ResourceGather Reverse ReverseSequence ReverseV2 Rint Roll Round Rsqrt ScatterNd SegmentSum
    Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice Snapshot Softmax Softplus Softsign
    SpaceToBatchND SpaceToDepth SparseBincount SparseCross SparseCrossHashed SparseReorder SparseReshape
    SparseTensorDenseMatMul SparseToDense Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
    StatelessIf StatelessRandomGammaV3 StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormalV2
    StatelessRandomUniformFullIntV2 StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormalV2
    StatelessWhile StaticRegexReplace StopGradient StridedSlice StringJoin StringLower StringSplitV2 StringStrip
    StringToHashBucketFast StringToHashBucketStrong StringToNumber StringUpper Sub Sum Tan Tanh TensorListElementShape
    TensorListFromTensor TensorListGetItem TensorListLength TensorListReserve TensorListSetItem TensorListStack
    TensorScatterUpdate Tile TopKV2 Transpose TruncateDiv UnicodeDecodeWithOffsets UnicodeEncode Unpack
    UnsortedSegmentSum VarHandleOp VarIsInitializedOp Where While Xdivy Xlogy ZerosLike
"""
"""Tables, in which layers look up words, are filled by operations of their own; those that read a file are not here."""
_COMPUTE = frozenset(_NAMES.split())


def check_operations(meta_graph: Any, folder: Path) -> None:
    """Raise InputError unless all that can be run of a `MetaGraphDef` are operations that only compute."""
    savers, saver_nodes = _savers(meta_graph)
    functions = {function.signature.name: function for function in meta_graph.graph_def.library.function}
    called = set(meta_graph.object_graph_def.concrete_functions)
    for item in meta_graph.object_graph_def.nodes:
        called.update(item.function.concrete_functions)
        called.add(item.bare_concrete_function.concrete_function_name)
    nodes = [node for node in meta_graph.graph_def.node if node.name not in saver_nodes]
    nodes += [node for name, function in functions.items() if name not in savers for node in function.node_def]
    for node in nodes:
        if node.op not in _COMPUTE and (node.op not in functions or node.op in savers):
            raise InputError(
                f"{folder} is not loaded: its operation {node.op[:80]!r} ({node.name[:80]}) is not among those that "
                "only compute, and might touch files or run code; export the model without it."
            )
        called.update(_functions_of(node))
    if found := savers & called:
        raise InputError(f"{folder} is not loaded: its graph calls {min(found)[:80]!r}, which touches files.")


def _savers(meta_graph: Any) -> tuple[set[str], set[str]]:
    """The functions that save and restore a SavedModel, and the nodes that call them."""
    saver = meta_graph.saver_def
    places = {saver.save_tensor_name.partition(":")[0], saver.restore_op_name} - {""}
    nodes = [node for node in meta_graph.graph_def.node if node.name in places]
    return {name for node in nodes for name in _functions_of(node)}, {node.name for node in nodes}


def _functions_of(node: Any) -> Iterator[str]:
    """The functions that a node calls."""
    for value in node.attr.values():
        for function in (value.func, *value.list.func):
            if function.name:
                yield function.name
