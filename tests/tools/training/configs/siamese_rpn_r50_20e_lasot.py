"""SiameseRPN++ trained as in MMTracking 0.14 and measured on LaSOT.

Entries and values follow MMTracking's file of this name, (c) OpenMMLab, Apache-2.0; the wording is the tests'.
"""
_base_ = './base_runtime.py'

deterministic = True
seed = 1
find_unused_parameters = True
crop_size = 511
exemplar_size = 127
search_size = 2 * exemplar_size + 1
sizes = dict(exemplar_size=exemplar_size, search_size=search_size)

# Widths of the three levels.
levels = 3
out_channels = 256

model = dict(
    type='SiamRPN',
    backbone=dict(
        type='SOTResNet', depth=50, style='pytorch', out_indices=tuple(range(1, levels + 1)), frozen_stages=4,
        strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmtracking/'  # two texts side by side
            'pretrained_weights/sot_resnet50.model')),
    neck=dict(
        type='ChannelMapper', in_channels=[512, 1024, 2048], out_channels=out_channels, kernel_size=1,
        norm_cfg=dict(type='BN'), act_cfg=None),
    head=dict(
        type='SiameseRPNHead',
        anchor_generator=dict(
            type='SiameseRPNAnchorGenerator', strides=[8], ratios=[0.33, 0.5, 1, 2, 3], scales=[8]),
        in_channels=[out_channels] * levels,
        weighted_sum=True,
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.] * 4, target_stds=[1.] * 4),
        loss_cls=dict(type='CrossEntropyLoss', reduction='sum', loss_weight=1.0),
        loss_bbox=dict(type='L1Loss', reduction='sum', loss_weight=1.2)),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr=0.6, neg_iou_thr=0.3, min_pos_iou=0.6, match_low_quality=False,
                iou_calculator=dict(type='BboxOverlaps2D')),
            sampler=dict(type='RandomSampler', num=64, pos_fraction=0.25, add_gt_as_proposals=False),
            num_neg=16,
            **sizes)),
    test_cfg=dict(
        sizes, context_amount=0.5, center_size=7, rpn=dict(penalty_k=0.05, window_influence=0.42, lr=0.38)))

data_root = 'data/'
loading = [
    dict(type='PairSampling', frame_range=100, pos_prob=0.8, filter_template_img=False),
    dict(type='LoadMultiImagesFromFile', to_float32=True),
    dict(type='SeqLoadAnnotations', with_bbox=True, with_label=False),
]
cropping = [
    dict(type='SeqCropLikeSiamFC', context_amount=0.5, exemplar_size=exemplar_size, crop_size=crop_size),
    dict(
        type='SeqShiftScaleAug', target_size=[exemplar_size, search_size], shift=[4, 64], scale=[0.05, 0.18]),
    dict(type='SeqColorAug', prob=[1.0, 1.0]),
    dict(type='SeqBlurAug', prob=[0.0, 0.2]),
]
collecting = [
    dict(type='VideoCollect', keys=['img', 'gt_bboxes', 'is_positive_pairs']),
    dict(type='ConcatSameTypeFrames'),
    dict(type='SeqDefaultFormatBundle', ref_prefix='search')
]
train_pipeline = loading + cropping + collecting
test_pipeline = [
    dict(type='LoadImageFromFile', to_float32=True),
    dict(type='LoadAnnotations', with_bbox=True, with_label=False),
    dict(
        type='MultiScaleFlipAug', scale_factor=1, flip=False,
        transforms=[dict(type='VideoCollect', keys=['img', 'gt_bboxes']), dict(type='ImageToTensor', keys=['img'])])
]

training = dict(pipeline=train_pipeline, split='train', test_mode=False)
imagenet = f'{data_root}ILSVRC'
data = dict(
    samples_per_gpu=28,
    workers_per_gpu=4,
    persistent_workers=True,
    samples_per_epoch=600_000,
    train=dict(
        type='RandomSampleConcatDataset',
        dataset_sampling_weights=[0.25, 0.2, 0.55],
        dataset_cfgs=[
            dict(
                type='SOTImageNetVIDDataset',
                ann_file=imagenet + '/annotations/imagenet_vid_train.json',
                img_prefix=imagenet + '/Data/VID', **training),
            dict(
                type='SOTCocoDataset',
                ann_file=data_root + 'coco/annotations/instances_train2017.json',
                img_prefix=data_root + 'coco/train2017', **training),
            dict(
                type='SOTCocoDataset',
                ann_file=imagenet + '/annotations/imagenet_det_30plus1cls.json',
                img_prefix=imagenet + '/Data/DET', **training),
        ]),
    val=dict(
        type='LaSOTDataset',
        ann_file=data_root + 'lasot/annotations/lasot_test_infos.txt',
        img_prefix=data_root + 'lasot/LaSOTBenchmark',
        pipeline=test_pipeline, split='test', test_mode=True, only_eval_visible=True),
    test=dict(
        type='LaSOTDataset',
        ann_file=data_root + 'lasot/annotations/lasot_test_infos.txt',
        img_prefix=data_root + 'lasot/LaSOTBenchmark',
        pipeline=test_pipeline, split='test', test_mode=True, only_eval_visible=True))

optimizer = dict(
    type='SGD', lr=5e-3, momentum=0.9, weight_decay=1e-4,
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1, decay_mult=1.0)}))
optimizer_config = dict(
    type='SiameseRPNOptimizerHook', backbone_start_train_epoch=10,
    backbone_train_layers=['layer2', 'layer3', 'layer4'], grad_clip=dict(max_norm=10.0, norm_type=2))
lr_config = dict(
    policy='SiameseRPN',
    lr_configs=[
        dict(type='step', start_lr_factor=0.2, end_lr_factor=1.0, end_epoch=5),
        dict(type='log', start_lr_factor=1.0, end_lr_factor=0.1, end_epoch=20),
    ])
evaluation = dict(metric=['track'], interval=1, start=10, rule='greater', save_best='success')
runner = dict(type='EpochBasedRunner', max_epochs=20)
work_dir = './work_dirs/{{ fileBasenameNoExtension }}'
