# What MMTracking 0.14's file of this name changes, (c) OpenMMLab, Apache-2.0; the wording is the tests'.
_base_ = ['./siamese_rpn_r50_20e_lasot.py']

model = dict(test_cfg=dict(rpn=dict(penalty_k=0.4, window_influence=0.5, lr=0.4)))

data_root = 'data/'
crop = {{ _base_.cropping }}[0]
train_pipeline = [
    *{{ _base_.loading }},
    crop,
    dict(type='SeqGrayAug', prob=0.2),
    {{ _base_.cropping }}[1],
    {{ _base_.cropping }}[2],
    {{ _base_.cropping }}[3],
] + {{ _base_.collecting }}
training = dict(pipeline=train_pipeline, split='train', test_mode=False)
vid = dict(type='SOTImageNetVIDDataset', ann_file=data_root + 'ILSVRC/annotations/imagenet_vid_train.json', **training)
coco = dict(type='SOTCocoDataset', ann_file=data_root + 'coco/annotations/instances_train2017.json', **training)
data = dict(
    samples_per_gpu=16,
    train=dict(dataset_cfgs=[vid, coco], dataset_sampling_weights=None),
    val=dict(
        type='OTB100Dataset',
        ann_file=data_root + 'otb100/annotations/otb100_infos.txt',
        img_prefix=data_root + 'otb100',
        only_eval_visible=False))
