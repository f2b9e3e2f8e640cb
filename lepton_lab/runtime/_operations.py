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
    Abs AccumulateNV2 Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All Angle Any
    ApproximateEqual ArgMax ArgMin AsString Asin Asinh Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp
    Atan Atan2 Atanh AudioSpectrogram AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BatchCholeskyGrad BatchMatMul
    BatchMatMulV2 BatchMatMulV3 BatchNormWithGlobalNormalizationGrad BatchToSpaceND BesselI0 BesselI0e BesselI1
    BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc BiasAdd BiasAddGrad
    Bincount Bitcast BitwiseAnd BitwiseOr BitwiseXor BlockLSTMGrad BlockLSTMGradV2 BroadcastArgs BroadcastGradientArgs
    BroadcastTo Bucketize Cast Ceil CheckNumerics Cholesky CholeskyGrad ClipByValue Complex ComplexAbs Concat
    ConcatOffset ConcatV2 Conj ConjugateTranspose Const Conv Conv2D Conv2DBackpropFilter Conv2DBackpropFilterV2
    Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropFilter Conv3DBackpropFilterV2 Conv3DBackpropInput
    Conv3DBackpropInputV2 Cos Cosh CropAndResize CropAndResizeGradBoxes CropAndResizeGradImage Cross CudnnRNNBackpropV3
    CudnnRNNV3 Cumprod Cumsum CumulativeLogsumexp Dawsn DenseBincount DenseCountSparseOutput DepthToSpace
    DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Diag DiagPart Digamma
    Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput DisableCopyOnRead Div DivNoNan DynamicPartition
    DynamicStitch Einsum Elu EluGrad EmptyTensorList EnsureShape Equal Erf Erfc Erfinv EuclideanNorm Exp ExpandDims
    Expint Expm1 ExtractImagePatches FFT FFT2D FFT3D FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannel
    FakeQuantWithMinMaxVarsPerChannelGradient Fill Floor FloorDiv FloorMod FractionalAvgPoolGrad FractionalMaxPoolGrad
    FresnelCos FresnelSin FusedBatchNorm FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2
    FusedBatchNormV3 GRUBlockCellGrad Gather GatherNd GatherV2 Greater GreaterEqual HSVToRGB HashTableV2
    HistogramFixedWidth IFFT IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D Identity IdentityN If Igamma IgammaGradA Igammac Imag
    ImageProjectiveTransformV3 InTopKV2 InitializeTableV2 Inv InvGrad Invert InvertPermutation IsFinite IsInf IsNan
    L2Loss LRN LRNGrad LSTMBlockCellGrad LeakyRelu LeakyReluGrad LeftShift Less LessEqual Lgamma LinSpace ListDiff Log
    Log1p LogMatrixDeterminant LogSoftmax LogicalAnd LogicalNot LogicalOr LookupTableExportV2 LookupTableFindV2
    LookupTableImportV2 LookupTableInsertV2 LookupTableSizeV2 LowerBound Lu MatMul MatrixBandPart MatrixDeterminant
    MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixInverse MatrixSetDiag
    MatrixSetDiagV3 MatrixSolve MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Max MaxPool MaxPool3D MaxPool3DGrad
    MaxPool3DGradGrad MaxPoolGrad MaxPoolGradGrad MaxPoolGradGradV2 MaxPoolGradGradWithArgmax MaxPoolGradV2
    MaxPoolGradWithArgmax MaxPoolV2 MaxPoolWithArgmax Maximum Mean Mfcc Min Minimum MirrorPad MirrorPadGrad Mod Mul
    MulNoNan Multinomial MutableHashTableV2 Ndtri Neg NextAfter NoOp NonMaxSuppressionV3 NotEqual NthElement OneHot
    OnesLike OptionalFromValue OptionalGetValue OptionalHasValue OptionalNone Pack Pad PadV2 ParallelDynamicStitch
    PartitionedCall Placeholder PlaceholderWithDefault Polygamma PopulationCount Pow PreventGradient Prod Qr
    QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeAndDequantizeV4Grad RFFT RFFT2D
    RFFT3D RGBToHSV RaggedBincount RaggedFillEmptyRowsGrad RaggedGather RaggedRange RaggedTensorToTensor
    RaggedTensorToVariantGradient RandomGammaGrad RandomStandardNormal RandomUniform RandomUniformInt Range Rank
    ReadVariableOp Real RealDiv Reciprocal ReciprocalGrad ReduceJoin RegexFullMatch RegexReplace Relu Relu6 Relu6Grad
    ReluGrad Reshape ResizeArea ResizeBicubic ResizeBicubicGrad ResizeBilinear ResizeBilinearGrad ResizeNearestNeighbor
    ResizeNearestNeighborGrad ResourceGather Reverse ReverseSequence ReverseV2 RightShift Rint Roll Round Rsqrt
    RsqrtGrad ScaleAndTranslate ScaleAndTranslateGrad ScatterNd SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum
    Select SelectV2 SelfAdjointEigV2 Selu SeluGrad Shape ShapeN Sigmoid SigmoidGrad Sign Sin Sinh Size Slice Snapshot
    Softmax SoftmaxCrossEntropyWithLogits Softplus SoftplusGrad Softsign SoftsignGrad SpaceToBatchND SpaceToDepth
    SparseAdd SparseAddGrad SparseBincount SparseConcat SparseCountSparseOutput SparseCross SparseCrossHashed
    SparseCrossV2 SparseFillEmptyRows SparseFillEmptyRowsGrad SparseMatrixSoftmaxGrad SparseReduceMax SparseReduceSum
    SparseReorder SparseReshape SparseSegmentMean SparseSegmentMeanGrad SparseSegmentMeanGradV2 SparseSegmentSqrtN
    SparseSegmentSqrtNGrad SparseSegmentSqrtNGradV2 SparseSegmentSum SparseSegmentSumGrad SparseSegmentSumGradV2
    SparseSlice SparseSliceGrad SparseSoftmax SparseSoftmaxCrossEntropyWithLogits SparseTensorDenseMatMul SparseToDense
    Spence Split SplitV Sqrt SqrtGrad Square SquaredDifference Squeeze StatefulPartitionedCall StatelessCase StatelessIf
    StatelessMultinomial StatelessRandomBinomial StatelessRandomGammaV3 StatelessRandomGetAlg
    StatelessRandomGetKeyCounter StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniformFullIntV2
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal
    StatelessTruncatedNormalV2 StatelessWhile StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice
    StridedSliceGrad StringFormat StringJoin StringLength StringLower StringNGrams StringSplit StringSplitV2 StringStrip
    StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber StringUpper Sub Substr Sum Svd Tan
    Tanh TanhGrad TensorListConcat TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListFromTensor
    TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack TensorListPushBackBatch
    TensorListReserve TensorListResize TensorListScatter TensorListScatterIntoExistingList TensorListScatterV2
    TensorListSetItem TensorListSplit TensorListStack TensorScatterAdd TensorScatterMax TensorScatterMin
    TensorScatterSub TensorScatterUpdate Tile TileGrad TopK TopKV2 Transpose TruncateDiv TruncateMod UnicodeDecode
    UnicodeDecodeWithOffsets UnicodeEncode UnicodeScript UnicodeTranscode Unique UniqueV2 UniqueWithCountsV2 Unpack
    UnravelIndex UnsortedSegmentJoin UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum
    UpperBound VarHandleOp VarIsInitializedOp Where While Xdivy Xlog1py Xlogy ZerosLike Zeta
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
